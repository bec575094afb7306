// Products through oneDNN's matmul. Weights are reordered once into the layout that oneDNN picks for many rows; one
// primitive per (shape, row count of kRowCounts) is compiled at load, so no call ever waits for code generation. Debian's
// oneDNN runs on OpenMP: every thread of ours tells it to use one thread, and we cut the work ourselves.
//
// oneDNN 2.6 uses its fast kernels only where y is dense; with a row stride it repacks the weights on every call. So a
// part is computed into a dense buffer and copied to its columns, and the weights of a part are a slice of the whole
// packed matrix wherever oneDNN's layout allows it.
#include "embed/model/linear.h"

#if defined(SAKER_HAVE_ONEDNN)

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <tuple>

#include <oneapi/dnnl/dnnl.hpp>

#include "common/aligned_buffer.h"
#include "embed/kernels/kernels.h"

// Of GNU's OpenMP, oneDNN's own; omp.h would be the compiler's, which may be another.
extern "C" void omp_set_num_threads(int);

namespace saker::embed {
namespace {

using dnnl::memory;

// A product of more rows runs as 256s, then 128, 64, and the rest rounded up to 8: at 64 rows oneDNN is at its full speed.
constexpr std::array<size_t, 10> kRowCounts = {256, 128, 64, 56, 48, 40, 32, 24, 16, 8};

dnnl::engine& Engine() {
  static dnnl::engine* const engine = [] {
    // oneDNN may use no more than SAKER_ISA allows; it must hear so before its first primitive.
    const Isa isa = BestIsa();
    if (isa == Isa::kAvx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
    if (isa == Isa::kAvx512) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core_vnni);
    if (isa == Isa::kAvx512Bf16) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx512_core_bf16);
    return new dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return *engine;
}

dnnl::stream& ThreadStream() {
  thread_local dnnl::stream stream = [] {
    omp_set_num_threads(1);
    return dnnl::stream(Engine());
  }();
  return stream;
}

// What depends on the shape alone, shared by all layers: the primitive and each worker's argument handles.
struct Product {
  dnnl::matmul primitive;
  memory::desc weights;
  struct PerWorker {
    memory x, y, scratchpad;
    AlignedBuffer scratch;
  };
  mutable std::vector<PerWorker> workers;
};
using Products = std::array<Product, kRowCounts.size()>;
using ProductKey = std::tuple<size_t, size_t, Epilogue, Activation, bool>;  // inputs, columns, ..., y is float

// The packed weights of the whole matrix or of the columns of one part, and what multiplies by them.
struct Packed {
  size_t first_column = 0;
  size_t columns = 0;
  bool float_out = true;
  const Products* products = nullptr;
  AlignedBuffer bytes;  // empty where the weights are a slice of the whole matrix
  memory weights, bias;

  size_t row_bytes() const { return columns * (float_out ? 4 : 2); }

  // y is dense; rows is a multiple of kRowQuantum.
  void Multiply(const std::byte* x, size_t x_row_bytes, size_t rows, size_t worker, std::byte* y) const {
    while (rows > 0) {
      const auto* const count = std::find_if(kRowCounts.begin(), kRowCounts.end(), [&](size_t c) { return c <= rows; });
      const Product& product = (*products)[static_cast<size_t>(count - kRowCounts.begin())];
      Product::PerWorker& handles = product.workers[worker];
      handles.x.set_data_handle(const_cast<std::byte*>(x));
      handles.y.set_data_handle(y);
      const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, handles.x.get()},
                                           {DNNL_ARG_WEIGHTS, weights.get()},
                                           {DNNL_ARG_BIAS, bias.get()},
                                           {DNNL_ARG_DST, handles.y.get()},
                                           {DNNL_ARG_SCRATCHPAD, handles.scratchpad.get()}};
      // Fails only on arguments that do not fit the primitive, which construction rules out.
      CHECK(dnnl_primitive_execute(product.primitive.get(), ThreadStream().get(), 5, arguments) == dnnl_success);
      rows -= *count;
      x += *count * x_row_bytes;
      y += *count * row_bytes();
    }
  }
};

class OneDnnBackend;

class OneDnnLinear final : public Linear {
 public:
  OneDnnLinear(const LinearSpec& spec, bool bf16, std::vector<float> bias)
      : accumulate_(spec.epilogue == Epilogue::kAccumulate), x_row_bytes_(spec.inputs * (bf16 ? 2 : 4)), bias_(std::move(bias)) {}

  void Run(const void* x, size_t rows, size_t worker, void* y) const override {
    whole_.Multiply(static_cast<const std::byte*>(x), x_row_bytes_, Rounded(rows), worker, static_cast<std::byte*>(y));
  }

  void RunPart(const void* x, size_t rows, size_t part_index, size_t worker, void* y) const override {
    const Packed& part = parts_[part_index];
    if (part.columns == 0) return;
    constexpr size_t kBlockRows = kRowCounts.front();  // at a time, so that the dense copy stays small
    thread_local std::vector<std::byte> dense;
    dense.resize(std::max(dense.size(), kBlockRows * part.row_bytes()));
    auto* out = static_cast<std::byte*>(y) + part.first_column * part.row_bytes() / part.columns;
    const auto* in = static_cast<const std::byte*>(x);
    for (size_t left = Rounded(rows); left > 0;) {
      const size_t block = std::min(kBlockRows, left);
      part.Multiply(in, x_row_bytes_, block, worker, dense.data());
      for (size_t row = 0; row < block; ++row, out += whole_.row_bytes()) PutRow(dense.data() + row * part.row_bytes(), part, out);
      in += block * x_row_bytes_;
      left -= block;
    }
  }

 private:
  friend class OneDnnBackend;
  static size_t Rounded(size_t rows) { return (rows + kRowQuantum - 1) / kRowQuantum * kRowQuantum; }

  void PutRow(const std::byte* from, const Packed& part, std::byte* to) const {
    if (!accumulate_) {
      std::memcpy(to, from, part.row_bytes());
      return;
    }
    for (size_t i = 0; i < part.columns; ++i) reinterpret_cast<float*>(to)[i] += reinterpret_cast<const float*>(from)[i];
  }

  const bool accumulate_;
  const size_t x_row_bytes_;
  const std::vector<float> bias_;
  Packed whole_;
  std::vector<Packed> parts_;
};

// Where the columns from `first` on begin in the packed whole matrix, if a matrix packed for them alone looks the same:
// both are blocked alike, and blocks of columns are the outermost dimension.
std::optional<size_t> SliceOffset(const memory::desc& whole, const memory::desc& part, size_t first) {
  if (whole.data.format_kind != dnnl_blocked || part.data.format_kind != dnnl_blocked) return std::nullopt;
  const dnnl_blocking_desc_t& a = whole.data.format_desc.blocking;
  const dnnl_blocking_desc_t& b = part.data.format_desc.blocking;
  if (a.inner_nblks != b.inner_nblks || a.strides[0] != b.strides[0] || a.strides[1] != b.strides[1]) return std::nullopt;
  dnnl_dim_t column_block = 1;
  for (int i = 0; i < a.inner_nblks; ++i) {
    if (a.inner_blks[i] != b.inner_blks[i] || a.inner_idxs[i] != b.inner_idxs[i]) return std::nullopt;
    if (a.inner_idxs[i] == 1) column_block *= a.inner_blks[i];
  }
  const auto column = static_cast<dnnl_dim_t>(first);
  if (a.strides[1] < a.strides[0] || column % column_block != 0 || part.data.padded_dims[1] != part.data.dims[1]) return std::nullopt;
  const size_t width = whole.data.data_type == dnnl_bf16 ? 2 : 4;
  return static_cast<size_t>(column / column_block * a.strides[1]) * width;
}

dnnl::algorithm ActivationAlgorithm(Activation activation) {
  switch (activation) {
    case Activation::kGeluErf: return dnnl::algorithm::eltwise_gelu_erf;
    case Activation::kGeluTanh: return dnnl::algorithm::eltwise_gelu_tanh;
    default: return dnnl::algorithm::eltwise_relu;
  }
}

// Owns the products that its linears point to, so it must outlive them.
class OneDnnBackend final : public LinearBackend {
 public:
  OneDnnBackend(size_t workers, bool bf16) : workers_(workers), bf16_(bf16) {}
  const char* name() const override { return bf16_ ? "oneDNN bf16" : "oneDNN fp32"; }
  bool bf16() const override { return bf16_; }
  size_t parts() const override { return workers_; }
  uint64_t memory_bytes() const override { return memory_bytes_; }

  Result<std::unique_ptr<Linear>> Make(const LinearSpec& spec, const std::vector<float>& weights, const std::vector<float>& bias) override {
    CHECK(weights.size() == spec.inputs * spec.outputs && bias.size() == spec.outputs);
    try {
      auto linear = std::make_unique<OneDnnLinear>(spec, bf16_, bias);
      linear->whole_.float_out = !bf16_ || spec.epilogue == Epilogue::kAccumulate;
      TRY(Pack(spec, {0, spec.outputs}, weights, linear->bias_, nullptr, &linear->whole_));
      linear->parts_.resize(workers_ > 1 ? workers_ : 0);
      LinearSpec dense = spec;
      if (spec.epilogue == Epilogue::kAccumulate) dense.epilogue = Epilogue::kStore;  // RunPart adds to y itself
      for (size_t p = 0; p < linear->parts_.size(); ++p) {
        linear->parts_[p].float_out = linear->whole_.float_out;
        TRY(Pack(dense, PartColumns(spec.outputs, workers_, p), weights, linear->bias_, &linear->whole_, &linear->parts_[p]));
      }
      memory_bytes_ += bias.size() * sizeof(float);
      return std::unique_ptr<Linear>(std::move(linear));
    } catch (const dnnl::error& error) {
      return Internal("oneDNN refused a product of ", spec.inputs, " x ", spec.outputs, ": ", error.what());
    }
  }

 private:
  Status Pack(const LinearSpec& spec, ColumnRange columns, const std::vector<float>& weights, const std::vector<float>& bias,
              const Packed* whole, Packed* packed) {
    packed->first_column = columns.begin;
    packed->columns = columns.end - columns.begin;
    if (packed->columns == 0) return OkStatus();
    packed->products = TRY(GetProducts(spec, packed->columns, packed->float_out));
    const auto count = static_cast<memory::dim>(packed->columns);
    const memory::desc bias_layout({1, count}, memory::data_type::f32, memory::format_tag::ab);
    packed->bias = memory(bias_layout, Engine(), const_cast<float*>(bias.data() + columns.begin));
    const memory::desc& layout = packed->products->front().weights;
    const auto slice = whole == nullptr ? std::nullopt : SliceOffset(whole->products->front().weights, layout, columns.begin);
    if (slice) {
      packed->weights = memory(layout, Engine(), static_cast<std::byte*>(whole->weights.get_data_handle()) + *slice);
      return OkStatus();
    }
    packed->bytes = TRY(AlignedBuffer::Allocate(layout.get_size()));
    memory_bytes_ += layout.get_size();
    packed->weights = memory(layout, Engine(), packed->bytes.data());
    const memory::desc stored({static_cast<memory::dim>(spec.inputs), count}, memory::data_type::f32, memory::format_tag::ba);
    memory source(stored, Engine(), const_cast<float*>(weights.data() + columns.begin * spec.inputs));
    dnnl::reorder(source, packed->weights).execute(ThreadStream(), source, packed->weights);
    ThreadStream().wait();
    return OkStatus();
  }

  Result<const Products*> GetProducts(const LinearSpec& spec, size_t columns, bool float_out) {
    const ProductKey key{spec.inputs, columns, spec.epilogue, spec.activation, float_out};
    std::unique_ptr<Products>& products = products_[key];
    if (products == nullptr) {
      auto made = std::make_unique<Products>();
      for (size_t i = 0; i < kRowCounts.size(); ++i) {
        const memory::desc* layout = i == 0 ? nullptr : &made->front().weights;
        TRY(MakeProduct(spec, columns, float_out, kRowCounts[i], layout, &(*made)[i]));
      }
      products = std::move(made);
    }
    return static_cast<const Products*>(products.get());
  }

  Status MakeProduct(const LinearSpec& spec, size_t columns, bool float_out, size_t rows, const memory::desc* layout, Product* product) {
    const auto type = bf16_ ? memory::data_type::bf16 : memory::data_type::f32;
    const auto m = static_cast<memory::dim>(rows);
    const auto n = static_cast<memory::dim>(columns);
    const auto k = static_cast<memory::dim>(spec.inputs);
    const memory::desc x({m, k}, type, memory::format_tag::ab);
    const memory::desc w = layout != nullptr ? *layout : memory::desc({k, n}, type, memory::format_tag::any);
    const memory::desc b({1, n}, memory::data_type::f32, memory::format_tag::ab);
    const memory::desc y({m, n}, float_out ? memory::data_type::f32 : type, memory::format_tag::ab);
    dnnl::post_ops after;
    if (spec.epilogue == Epilogue::kAccumulate) after.append_sum(1.0F);
    if (spec.epilogue == Epilogue::kActivate) after.append_eltwise(1.0F, ActivationAlgorithm(spec.activation), 0.0F, 0.0F);
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    ThreadStream();  // one OpenMP thread before the primitive counts them
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(x, w, b, y), attributes, Engine());
    product->primitive = dnnl::matmul(description);
    product->weights = description.weights_desc();
    for (size_t i = 0; i < workers_; ++i) {
      Product::PerWorker handles;
      handles.scratch = TRY(AlignedBuffer::Allocate(std::max<size_t>(1, description.scratchpad_desc().get_size())));
      memory_bytes_ += handles.scratch.size();
      handles.x = memory(x, Engine(), nullptr);
      handles.y = memory(y, Engine(), nullptr);
      handles.scratchpad = memory(description.scratchpad_desc(), Engine(), handles.scratch.data());
      product->workers.push_back(std::move(handles));
    }
    return OkStatus();
  }

  const size_t workers_;
  const bool bf16_;
  std::map<ProductKey, std::unique_ptr<Products>> products_;
  uint64_t memory_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<LinearBackend>> MakeOneDnnBackend(size_t workers, bool bf16) {
  if (BestIsa() == Isa::kScalar) return Unimplemented("oneDNN is off below AVX2 (SAKER_ISA or this CPU)");
  if (bf16 && BestIsa() < Isa::kAvx512Bf16) {
    return Unimplemented("bf16 needs a CPU with AVX-512 BF16 or AMX; this one is used as ", IsaName(BestIsa()));
  }
  return std::unique_ptr<LinearBackend>(std::make_unique<OneDnnBackend>(workers, bf16));
}

}  // namespace saker::embed

#else

namespace saker::embed {

Result<std::unique_ptr<LinearBackend>> MakeOneDnnBackend(size_t, bool) {
  return Unimplemented("this build has no oneDNN");
}

}  // namespace saker::embed

#endif
