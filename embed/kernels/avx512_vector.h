// The vector type of the two AVX-512 files, each of which includes this inside its own unnamed namespace.
// No include guard on purpose.

struct V {
  using Reg = __m512;
  static constexpr size_t kLanes = 16;
  static constexpr size_t kBlockRows = 6;  // 6 x 4 sums and what feeds them: 29 of 32 registers
  static constexpr size_t kScoreVectors = 4;
  static constexpr size_t kValueVectors = 2;
  static Reg Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, Reg x) { _mm512_storeu_ps(p, x); }
  static Reg Set(float x) { return _mm512_set1_ps(x); }
  static Reg Zero() { return _mm512_setzero_ps(); }
  static Reg Add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg Sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static Reg Mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg Div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  static Reg Fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Reg Max(Reg a, Reg b) { return _mm512_max_ps(a, b); }
  static Reg Min(Reg a, Reg b) { return _mm512_min_ps(a, b); }
  static Reg Round(Reg x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Reg Pow2(Reg n) { return _mm512_scalef_ps(_mm512_set1_ps(1.0F), n); }
  static float Sum(Reg x) { return _mm512_reduce_add_ps(x); }
  static float MaxLane(Reg x) { return _mm512_reduce_max_ps(x); }
  // Round to nearest even; NaN is caught by the caller's finite check on the result.
  static void StoreBf16(uint16_t* p, Reg x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF))), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(rounded));
  }
  // Rows to columns: pairs, quarters, then whole 128-bit lanes.
  static void Transpose(Reg* r) {
    Reg t[16];
    for (int i = 0; i < 16; i += 2) {
      t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
      t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
      for (int k = 0; k < 2; ++k) {
        const __m512d low = _mm512_castps_pd(t[i + k]);
        const __m512d high = _mm512_castps_pd(t[i + k + 2]);
        r[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
        r[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
      }
    }
    for (int k = 0; k < 4; ++k) {
      const Reg a = _mm512_shuffle_f32x4(r[k], r[4 + k], 0x88);
      const Reg b = _mm512_shuffle_f32x4(r[k], r[4 + k], 0xDD);
      const Reg c = _mm512_shuffle_f32x4(r[8 + k], r[12 + k], 0x88);
      const Reg d = _mm512_shuffle_f32x4(r[8 + k], r[12 + k], 0xDD);
      t[k] = _mm512_shuffle_f32x4(a, c, 0x88);
      t[4 + k] = _mm512_shuffle_f32x4(b, d, 0x88);
      t[8 + k] = _mm512_shuffle_f32x4(a, c, 0xDD);
      t[12 + k] = _mm512_shuffle_f32x4(b, d, 0xDD);
    }
    for (int i = 0; i < 16; ++i) r[i] = t[i];
  }
};
