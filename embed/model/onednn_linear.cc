// Products through oneDNN's matmul. Weights are reordered once into the layout that oneDNN picks for large M; one
// primitive per (shape, row count of kRowCounts) is compiled at load, so no call ever waits for code generation. Debian's
// oneDNN runs on OpenMP: every thread of ours tells it to use one thread, and we cut the work ourselves.
#include "embed/model/linear.h"

#if defined(SAKER_HAVE_ONEDNN)

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <tuple>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "common/aligned_buffer.h"
#include "embed/kernels/kernels.h"

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
using ProductKey = std::tuple<size_t, size_t, size_t, Epilogue, Activation>;  // inputs, columns, row stride of y
using Products = std::array<Product, kRowCounts.size()>;

class OneDnnBackend;

class OneDnnLinear final : public Linear {
 public:
  struct Part {
    size_t first_column = 0;
    const Products* products = nullptr;  // null: no columns
    AlignedBuffer packed;
    memory weights, bias;
  };
  OneDnnLinear(const LinearSpec& spec, bool bf16, std::vector<float> bias) : spec_(spec), bf16_(bf16), bias_(std::move(bias)) {}

  void Run(const void* x, size_t rows, size_t part_index, size_t worker, void* y) const override {
    const Part& part = parts_[part_index];
    if (part.products == nullptr) return;
    const size_t in_bytes = spec_.inputs * (bf16_ ? 2 : 4);
    const size_t out_width = bf16_ && spec_.epilogue != Epilogue::kAccumulate ? 2 : 4;
    const auto* in = static_cast<const std::byte*>(x);
    auto* out = static_cast<std::byte*>(y) + part.first_column * out_width;
    size_t left = (rows + kRowQuantum - 1) / kRowQuantum * kRowQuantum;
    while (left > 0) {
      const size_t bucket = static_cast<size_t>(
          std::find_if(kRowCounts.begin(), kRowCounts.end(), [&](size_t count) { return count <= left; }) - kRowCounts.begin());
      const Product& product = (*part.products)[bucket];
      Product::PerWorker& handles = product.workers[worker];
      handles.x.set_data_handle(const_cast<std::byte*>(in));
      handles.y.set_data_handle(out);
      const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, handles.x.get()},
                                           {DNNL_ARG_WEIGHTS, part.weights.get()},
                                           {DNNL_ARG_BIAS, part.bias.get()},
                                           {DNNL_ARG_DST, handles.y.get()},
                                           {DNNL_ARG_SCRATCHPAD, handles.scratchpad.get()}};
      // Fails only on arguments that do not fit the primitive, which construction rules out.
      CHECK(dnnl_primitive_execute(product.primitive.get(), ThreadStream().get(), 5, arguments) == dnnl_success);
      left -= kRowCounts[bucket];
      in += kRowCounts[bucket] * in_bytes;
      out += kRowCounts[bucket] * spec_.outputs * out_width;
    }
  }

 private:
  friend class OneDnnBackend;
  const LinearSpec spec_;
  const bool bf16_;
  const std::vector<float> bias_;
  std::vector<Part> parts_;
};

dnnl::algorithm ActivationAlgorithm(Activation activation) {
  switch (activation) {
    case Activation::kGeluErf: return dnnl::algorithm::eltwise_gelu_erf;
    case Activation::kGeluTanh: return dnnl::algorithm::eltwise_gelu_tanh;
    default: return dnnl::algorithm::eltwise_relu;
  }
}

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
      for (size_t p = 0; p < workers_; ++p) {
        const ColumnRange columns = PartColumns(spec.outputs, workers_, p);
        linear->parts_.push_back(columns.begin == columns.end ? OneDnnLinear::Part()
                                                              : TRY(MakePart(spec, columns, weights, linear->bias_)));
      }
      memory_bytes_ += bias.size() * sizeof(float);
      return std::unique_ptr<Linear>(std::move(linear));
    } catch (const dnnl::error& error) {
      return Internal("oneDNN refused a product of ", spec.inputs, " x ", spec.outputs, ": ", error.what());
    }
  }

 private:
  Result<OneDnnLinear::Part> MakePart(const LinearSpec& spec, ColumnRange columns, const std::vector<float>& weights,
                                      const std::vector<float>& bias) {
    OneDnnLinear::Part part;
    part.first_column = columns.begin;
    part.products = TRY(GetProducts(spec, columns.end - columns.begin));
    const memory::desc& packed = part.products->front().weights;
    part.packed = TRY(AlignedBuffer::Allocate(packed.get_size()));
    memory_bytes_ += packed.get_size();
    part.weights = memory(packed, Engine(), part.packed.data());
    const auto count = static_cast<memory::dim>(columns.end - columns.begin);
    const memory::desc stored({static_cast<memory::dim>(spec.inputs), count}, memory::data_type::f32, memory::format_tag::ba);
    memory source(stored, Engine(), const_cast<float*>(weights.data() + columns.begin * spec.inputs));
    dnnl::reorder(source, part.weights).execute(ThreadStream(), source, part.weights);
    ThreadStream().wait();
    const memory::desc bias_desc({1, count}, memory::data_type::f32, memory::format_tag::ab);
    part.bias = memory(bias_desc, Engine(), const_cast<float*>(bias.data() + columns.begin));
    return part;
  }

  Result<const Products*> GetProducts(const LinearSpec& spec, size_t columns) {
    const ProductKey key{spec.inputs, columns, spec.outputs, spec.epilogue, spec.activation};
    std::unique_ptr<Products>& products = products_[key];
    if (products == nullptr) {
      auto made = std::make_unique<Products>();
      for (size_t i = 0; i < kRowCounts.size(); ++i) {
        TRY(MakeProduct(spec, columns, kRowCounts[i], i == 0 ? nullptr : &made->front().weights, &(*made)[i]));
      }
      products = std::move(made);
    }
    return static_cast<const Products*>(products.get());
  }

  Status MakeProduct(const LinearSpec& spec, size_t columns, size_t rows, const memory::desc* packed, Product* product) {
    const auto type = bf16_ ? memory::data_type::bf16 : memory::data_type::f32;
    const auto out_type = spec.epilogue != Epilogue::kAccumulate ? type : memory::data_type::f32;
    const auto m = static_cast<memory::dim>(rows);
    const auto n = static_cast<memory::dim>(columns);
    const auto k = static_cast<memory::dim>(spec.inputs);
    const memory::desc x({m, k}, type, memory::format_tag::ab);
    const memory::desc w = packed != nullptr ? *packed : memory::desc({k, n}, type, memory::format_tag::any);
    const memory::desc b({1, n}, memory::data_type::f32, memory::format_tag::ab);
    const memory::desc y({m, n}, out_type, memory::dims{static_cast<memory::dim>(spec.outputs), 1});
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

// A backend owns the products that its linears point to, so it must outlive them.

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
