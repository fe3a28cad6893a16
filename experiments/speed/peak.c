/* As many fused multiply-adds as the cores can do, for experiments/speed: sums in registers, none waits for another.
 *
 * Built with cc -O3 -march=native -fopenmp. Twelve sums hide the latency of the units and fit into 16 registers.
 */
#if defined __AVX512F__
#define BYTES 64
#elif defined __AVX__
#define BYTES 32
#else
#define BYTES 16
#endif
#define SUMS 12

typedef float Vector __attribute__((vector_size(BYTES)));

/* Multiply-adds done, in all; so many times SUMS vectors on each of so many cores. result: keeps the sums needed. */
double multiply_adds(long times, int cores, float *result)
{
    float total = 0;
#pragma omp parallel for num_threads(cores) reduction(+ : total)
    for (int core = 0; core < cores; core++) {
        Vector sum[SUMS], factor = {0}, term = {0};
        factor += 0.999f + *result;
        term += 0.001f + *result;
        for (int s = 0; s < SUMS; s++) sum[s] = factor * (float)s;
        for (long t = 0; t < times; t++)
#pragma GCC unroll 12
            for (int s = 0; s < SUMS; s++) sum[s] = sum[s] * factor + term;
        for (int s = 0; s < SUMS; s++)
            for (int l = 0; l < BYTES / (int)sizeof(float); l++) total += sum[s][l];
    }
    *result = total;
    return (double)times * cores * SUMS * (BYTES / sizeof(float));
}
