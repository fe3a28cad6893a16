/* Numbers side by side, for the C++ that repro.machine_code.emit writes. REAL is float or double.
 *
 * lanes<N>::V holds N numbers and lanes<N>::M as many integers of their size: a mask, all bits 1 or 0, or whole numbers.
 * What is done to a lane does not depend on N, nor on the processor, if it has fused multiply-adds: built with
 * -ffp-contract=off, so that numbers are fused where this file says so and nowhere else.
 */
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <type_traits>
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

typedef REAL T;
typedef std::conditional<sizeof(T) == 4, int32_t, int64_t>::type I;
template <int N> struct lanes {
    typedef T V __attribute__((vector_size(N * sizeof(T))));
    typedef I M __attribute__((vector_size(N * sizeof(I))));
    typedef double D __attribute__((vector_size(N * sizeof(double))));
};
#if defined(__AVX512F__)
constexpr int WIDEST = 64 / sizeof(T);
#elif defined(__AVX__)
constexpr int WIDEST = 32 / sizeof(T);
#else
constexpr int WIDEST = 16 / sizeof(T);
#endif

typedef float F4 __attribute__((vector_size(16)));
typedef float F8 __attribute__((vector_size(32)));
typedef float F16 __attribute__((vector_size(64)));
typedef double D2 __attribute__((vector_size(16)));
typedef double D4 __attribute__((vector_size(32)));
typedef double D8 __attribute__((vector_size(64)));

#define INLINE static inline __attribute__((always_inline))

/* One number, or N of them: the functions below are the same for both. */
template <class V> struct of { enum { N = sizeof(V) / sizeof(T) }; typedef typename lanes<N>::M M; };
template <> struct of<T> { enum { N = 1 }; typedef I M; };

/* One number in every lane. x - 0 is x, which 0 + x is not where x is -0. */
template <class V, class X> INLINE V splat(X x) { return x - V{}; }

template <class V, class X> INLINE V load(const X *p) { return *(const V *)p; }
template <class V, class X> INLINE void store(X *p, V x) { *(V *)p = x; }

/* a b + c, rounded once. */
template <class V> INLINE V fma(V a, V b, V c)
{
    V r;
    for (int l = 0; l < of<V>::N; l++) r[l] = std::fma(a[l], b[l], c[l]);
    return r;
}
template <> inline float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
template <> inline double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
#if defined(__FMA__)
#define FUSED(type, native, name) \
    template <> inline __attribute__((always_inline)) type fma(type a, type b, type c) { return (type)name((native)a, (native)b, (native)c); }
FUSED(F4, __m128, _mm_fmadd_ps)
FUSED(F8, __m256, _mm256_fmadd_ps)
FUSED(D2, __m128d, _mm_fmadd_pd)
FUSED(D4, __m256d, _mm256_fmadd_pd)
#if defined(__AVX512F__)
FUSED(F16, __m512, _mm512_fmadd_ps)
FUSED(D8, __m512d, _mm512_fmadd_pd)
#endif
#endif

INLINE T where(I m, T a, T b) { return m ? a : b; }
INLINE I where(I m, I a, I b) { return m ? a : b; }
template <class M, class V> INLINE V where(M m, V a, V b) { return m ? a : b; }

/* Comparisons of single numbers give all bits 1 as those of lanes do. */
#define COMPARISON(name, sign) \
    INLINE I name(T a, T b) { return -(I)(a sign b); } \
    INLINE I name(I a, I b) { return -(I)(a sign b); } \
    template <class V> INLINE typename of<V>::M name(V a, V b) { return a sign b; }
COMPARISON(eq, ==)
COMPARISON(ne, !=)
COMPARISON(lt, <)
COMPARISON(le, <=)
COMPARISON(gt, >)

/* The larger, and no number where one is none, as in torch. */
template <class V> INLINE V larger(V a, V b) { return where(le(b, a) | ne(a, a), a, b); }
template <class V> INLINE V magnitude(V x) { return where(lt(x, splat<V>(T(0))), -x, x); }

/* x, or the bound where x is beyond it; no number stays none. */
template <class V> INLINE V at_least(T low, V x) { return where(gt(splat<V>(low), x), splat<V>(low), x); }
template <class V> INLINE V at_most(T high, V x) { return where(lt(splat<V>(high), x), splat<V>(high), x); }
#if defined(__AVX__) /* in one instruction, which is the second of the two where one is no number */
#define BOUNDS(type, native, bits, number) \
    template <> inline __attribute__((always_inline)) type at_least(T low, type x) \
    { \
        return (type)_mm##bits##_max_##number(_mm##bits##_set1_##number(low), (native)x); \
    } \
    template <> inline __attribute__((always_inline)) type at_most(T high, type x) \
    { \
        return (type)_mm##bits##_min_##number(_mm##bits##_set1_##number(high), (native)x); \
    }
BOUNDS(F8, __m256, 256, ps)
BOUNDS(D4, __m256d, 256, pd)
#if defined(__AVX512F__)
BOUNDS(F16, __m512, 512, ps)
BOUNDS(D8, __m512d, 512, pd)
#endif
#endif

/* exp(SIGN x) = q 2^n, with n whole, and q that of r = SIGN x - n ln 2, of which |r| is at most half of ln 2. q is a
 * polynomial that is off by a 50th of a unit in the last place; with what is rounded on the way, exp is within 1 unit in
 * the last place of its value, and within 2 beyond 20. 0 below exp(-87.3) or exp(-708.4), and infinite from exp(88.4) or
 * exp(709.4) on. n is found by adding a number so large that nothing is left behind the point; its last bits are then n
 * and the bias of an exponent, which a shift puts in place. */
template <int SIGN, class V> INLINE V parts_of_exponential(V x, V *power)
{
    typedef typename of<V>::M M;
    constexpr bool single = sizeof(T) == 4;
    constexpr T least = single ? T(-88) : T(-709), most = single ? T(89) : T(710);
    constexpr T round = single ? T(0x1.8p23 + 127) : T(0x1.8p52 + 1023);
    constexpr T high = single ? T(0x1.62e43p-1f) : T(0x1.62e42fefa39efp-1); /* of ln 2, and the rest of it */
    constexpr T low = single ? T(-0x1.05c61p-29) : T(0x1.abc9e3b39803fp-56);
    x = SIGN > 0 ? at_most(most, at_least(least, x)) : at_most(-least, at_least(-most, x));
    V shifted = fma(x, splat<V>(SIGN * T(1.4426950408889634)), splat<V>(round));
    V n = shifted - round;
    V r = fma(n, splat<V>(-high), SIGN > 0 ? x : -x);
    r = fma(n, splat<V>(-low), r);
    V q;
    if (single) {
        q = fma(r, splat<V>(T(0.0013842711923643947)), splat<V>(T(0.008374964818358421)));
        q = fma(r, q, splat<V>(T(0.041668057441711426)));
        q = fma(r, q, splat<V>(T(0.1666642129421234)));
        q = fma(r, q, splat<V>(T(0.4999999403953552)));
    } else {
        constexpr double factorial[] = {2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600,
                                        6227020800, 87178291200};
        q = splat<V>(T(1 / factorial[12]));
        for (int k = 11; k >= 0; k--) q = fma(r, q, splat<V>(T(1 / factorial[k])));
    }
    q = fma(r, q, splat<V>(T(1)));
    q = fma(r, q, splat<V>(T(1)));
    M bits;
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    bits = bits << (single ? 23 : 52);
    __builtin_memcpy(power, &bits, sizeof bits);
    return q;
}

template <class V> INLINE V exponential(V x)
{
    V power, q = parts_of_exponential<1>(x, &power);
    return q * power;
}

/* 1 / (1 + exp(-x)), within 2 units in the last place. */
template <class V> INLINE V sigmoid(V x)
{
    V power, q = parts_of_exponential<-1>(x, &power);
    return 1 / fma(q, power, splat<V>(T(1)));
}

/* x + x^3 q(x^2) near 0, and 1 - 2 / (exp(2 |x|) + 1) with the sign of x beyond: within 2 units in the last place. */
template <class V> INLINE V tangens(V x)
{
    if (sizeof(T) == 8) {
        V r = x;
        for (int l = 0; l < of<V>::N; l++) ((T *)&r)[l] = std::tanh(((T *)&x)[l]);
        return r;
    }
    V z = x * x, size = magnitude(x);
    V q = fma(z, splat<V>(T(0.002147539984434843)), splat<V>(T(-0.008182677440345287)));
    q = fma(z, q, splat<V>(T(0.021702969446778297)));
    q = fma(z, q, splat<V>(T(-0.05394720286130905)));
    q = fma(z, q, splat<V>(T(0.13333210349082947)));
    q = fma(z, q, splat<V>(T(-0.3333333134651184)));
    V near = fma(x * z, q, x), far = 1 - 2 / (exponential<V>(size + size) + 1);
    return where(lt(size, splat<V>(T(0.625))), near, where(lt(x, splat<V>(T(0))), -far, far));
}

/* x + x^3 q(x^2) up to 1, and a right angle less that of 1 / x beyond: within 2 units in the last place. */
template <class V> INLINE V arcus(V x)
{
    if (sizeof(T) == 8) {
        V r = x;
        for (int l = 0; l < of<V>::N; l++) ((T *)&r)[l] = std::atan(((T *)&x)[l]);
        return r;
    }
    V size = magnitude(x);
    auto steep = gt(size, splat<V>(T(1)));
    V t = where(steep, 1 / size, size), z = t * t;
    V q = fma(z, splat<V>(T(-0.0018272142624482512)), splat<V>(T(0.011064447462558746)));
    q = fma(z, q, splat<V>(T(-0.031455714255571365)));
    q = fma(z, q, splat<V>(T(0.0582345649600029)));
    q = fma(z, q, splat<V>(T(-0.0841946005821228)));
    q = fma(z, q, splat<V>(T(0.10957576334476471)));
    q = fma(z, q, splat<V>(T(-0.1426524519920349)));
    q = fma(z, q, splat<V>(T(0.19998638331890106)));
    q = fma(z, q, splat<V>(T(-0.33333301544189453)));
    V angle = fma(t * z, q, t);
    angle = where(steep, T(1.5707963267948966) - angle, angle);
    return where(lt(x, splat<V>(T(0))), -angle, angle);
}

template <class V> INLINE V logarithm(V x)
{
    V r = x;
    for (int l = 0; l < of<V>::N; l++) ((T *)&r)[l] = std::log(((T *)&x)[l]);
    return r;
}
/* x log(y), and 0 where x is 0. */
template <class V> INLINE V x_log_y(V x, V y) { return where(eq(x, splat<V>(T(0))), splat<V>(T(0)), x * logarithm<V>(y)); }

/* All lanes of one vector as one number, halves upon halves. */
INLINE T folded_sum(T x) { return x; }
INLINE T folded_amax(T x) { return x; }
INLINE I folded_all(I x) { return x; }
#define FOLD(name, type, part, both) \
    template <class W> INLINE type name(W x) \
    { \
        constexpr int half = sizeof(W) / sizeof(type) / 2; \
        if constexpr (half == 0) { \
            return x; \
        } else if constexpr (half == 1) { \
            type a = x[0], b = x[1]; \
            return both; \
        } else { \
            typedef typename lanes<half>::part H; \
            H a, b; \
            __builtin_memcpy(&a, &x, sizeof a); \
            __builtin_memcpy(&b, (const char *)&x + sizeof a, sizeof b); \
            return name(H(both)); \
        } \
    }
FOLD(folded_sum, T, V, (a + b))
FOLD(folded_amax, T, V, (larger(a, b)))
FOLD(folded_all, I, M, (a & b))

template <class M> INLINE bool none_is(M x, I value)
{
    bool found = false;
    for (int l = 0; l < int(sizeof(M) / sizeof(I)); l++) found |= ((I *)&x)[l] == value;
    return !found;
}
