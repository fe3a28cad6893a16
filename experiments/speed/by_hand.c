/* The same training in plain C, for experiments/speed: one network in each lane of a vector.
 *
 * Built with cc -O3 -march=native -fopenmp, whose products and sums become fused multiply-adds; lots of LANES networks
 * go to the cores. Cases are taken BLOCK at a time, so that sums stay in registers and a weight that was loaded serves
 * several cases; of the inputs of a case only those that are not 0 are looked at, by a list.
 * Layout: weights and changes [lot][weight][LANES], a link's weights by row; inputs [case][unit]; groups are numbered
 * from 0; the unit that is always 1 is group number `groups`, with one unit, and feeds every group that receives.
 */
#include <stdlib.h>
#include <string.h>

#if defined __AVX512F__
#define LANES 16
#elif defined __AVX__
#define LANES 8
#else
#define LANES 4
#endif
#define BLOCK 8 /* cases */
#define WIDE (LANES == 16) /* 32 registers: the sums of 8 cases and two units fit; in 16, those of 4 cases */
#define MOST 256 /* units of a network without its inputs, and groups */

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int Whole __attribute__((vector_size(4 * LANES)));
typedef struct { int source, target, at; } Link;
typedef struct { int unit; float value; } Active;

typedef struct {
    int groups, inputs, links, weights, cases;
    const int *units;
    const Link *link;
    const float *desired;
    Active **active; /* of each input group, by case: the units that are not 0 */
    int **begins;    /* where each case begins there, and where the last ends */
    int first[MOST + 1], bias[MOST]; /* a group's first unit, among those that receive; where its biases are */
} Net;

static const Active *of_case(const Net *net, int group, int c) { return net->active[group] + net->begins[group][c]; }

static Vector smaller(Vector a, Vector b)
{
    Whole mask = a < b;
    return (Vector)(((Whole)a & mask) | ((Whole)b & ~mask));
}

/* (2); 2 to the power of n + f, n whole: n goes into the exponent's bits, a polynomial has 9e-8 of f's power. */
static Vector logistic(Vector x)
{
    const Vector zero = {0};
    Vector power = -smaller(-smaller(x * 1.44269504f, zero + 126), zero + 126);
    Vector rounded = zero - power + 12582912, f = zero - power - (rounded - 12582912);
    Vector two_f = (f * 0.00132647273f + 0.00967151299f) * f + 0.0555073358f;
    two_f = ((two_f * f + 0.240222424f) * f + 0.693147004f) * f + 1;
    return 1 / (1 + (Vector)((Whole)two_f + ((Whole)rounded << 23)));
}

typedef const Vector (*Rows)[BLOCK];

/* out[r][at + c] += sum over q of w[r * by_row + q * by_q] * in[q][at + c], the sums in registers: (1) and (7) */
static inline __attribute__((always_inline)) void tile(int rows, int cases, int at, Vector (*out)[BLOCK], Rows in,
                                                       const Vector *w, int by_row, int many, int by_q)
{
    Vector sum[2][8];
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cases; c++) sum[r][c] = out[r][at + c];
    for (int q = 0; q < many; q++)
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < cases; c++) sum[r][c] += w[r * by_row + q * by_q] * in[q][at + c];
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < cases; c++) out[r][at + c] = sum[r][c];
}

static void products(int rows, int cases, Vector (*out)[BLOCK], Rows in, const Vector *w, int by_row, int many,
                     int by_q)
{
    for (int c = 0, wide; c < cases; c += wide ? 8 : 4) {
        wide = WIDE && c + 8 <= cases;
        for (int r = 0; r < rows; r += 2) {
            const Vector *v = w + r * by_row;
            if (r + 2 <= rows && wide) tile(2, 8, c, out + r, in, v, by_row, many, by_q);
            else if (r + 2 <= rows) tile(2, 4, c, out + r, in, v, by_row, many, by_q);
            else if (wide) tile(1, 8, c, out + r, in, v, by_row, many, by_q);
            else tile(1, 4, c, out + r, in, v, by_row, many, by_q);
        }
    }
}

/* slope[j][i] += sum over the cases of dE_dx[j][case] * y[i][case], for one j and up to four i: (6) */
static inline __attribute__((always_inline)) void slopes(int many, Vector *slope, const Vector *dE_dx, Rows y,
                                                         int cases)
{
    Vector sum[4];
    for (int i = 0; i < many; i++) sum[i] = slope[i];
    for (int c = 0; c < cases; c++)
        for (int i = 0; i < many; i++) sum[i] += dE_dx[c] * y[i][c];
    for (int i = 0; i < many; i++) slope[i] = sum[i];
}

static void one_sweep(const Net *net, float epsilon, float alpha, Vector *w, Vector *change, Vector *slope)
{
    Vector y[MOST][BLOCK], dE_dx[MOST][BLOCK];
    memset(slope, 0, net->weights * sizeof(Vector));
    for (int begin = 0; begin < net->cases; begin += BLOCK) {
        int many = net->cases - begin < BLOCK ? net->cases - begin : BLOCK, padded = (many + 3) / 4 * 4;
        for (int g = net->inputs; g < net->groups; g++) { /* (1) and (2) */
            int units = net->units[g], own = net->first[g];
            memset(dE_dx[own], 0, units * sizeof *dE_dx);
            for (int j = 0; j < units; j++)
                for (int c = 0; c < padded; c++) y[own + j][c] = w[net->bias[g] + j];
            for (int k = 0; k < net->links; k++) {
                int s = net->link[k].source, from = net->units[s];
                if (net->link[k].target != g || s == net->groups) continue;
                const Vector *v = w + net->link[k].at;
                if (s >= net->inputs)
                    products(units, padded, y + own, (Rows)(y + net->first[s]), v, from, from, 1);
                else
                    for (int j = 0; j < units; j++)
                        for (int c = 0; c < many; c++)
                            for (const Active *a = of_case(net, s, begin + c); a < of_case(net, s, begin + c + 1); a++)
                                y[own + j][c] += a->value * v[j * from + a->unit];
            }
            for (int j = 0; j < units; j++)
                for (int c = 0; c < padded; c++) y[own + j][c] = logistic(y[own + j][c]);
        }
        for (int g = net->groups - 1; g >= net->inputs; g--) { /* (4) to (7) */
            int units = net->units[g], own = net->first[g];
            for (int j = 0; j < units; j++) {
                Vector sum = {0};
                for (int c = 0; c < many; c++) {
                    Vector o = y[own + j][c], dE_dy = dE_dx[own + j][c];
                    if (g == net->groups - 1) dE_dy = o - net->desired[(begin + c) * units + j];
                    dE_dx[own + j][c] = dE_dy * o * (1 - o);
                    sum += dE_dx[own + j][c];
                }
                slope[net->bias[g] + j] += sum;
            }
            for (int k = 0; k < net->links; k++) {
                int s = net->link[k].source, from = net->units[s], below = net->first[s];
                if (net->link[k].target != g || s == net->groups) continue;
                if (s >= net->inputs)
                    products(from, padded, dE_dx + below, (Rows)(dE_dx + own), w + net->link[k].at, 1, units, from);
                for (int j = 0; j < units; j++) {
                    Vector *ours = slope + net->link[k].at + j * from;
                    int i = 0;
                    if (s >= net->inputs) {
                        for (; i + 4 <= from; i += 4)
                            slopes(4, ours + i, dE_dx[own + j], (Rows)(y + below + i), many);
                        for (; i < from; i++) slopes(1, ours + i, dE_dx[own + j], (Rows)(y + below + i), many);
                    } else
                        for (int c = 0; c < many; c++)
                            for (const Active *a = of_case(net, s, begin + c); a < of_case(net, s, begin + c + 1); a++)
                                ours[a->unit] += a->value * dE_dx[own + j][c];
                }
            }
        }
    }
    for (int n = 0; n < net->weights; n++) { /* (9) */
        change[n] = alpha * change[n] - epsilon * slope[n];
        w[n] += change[n];
    }
}

int lanes(void) { return LANES; }

void train(int sweeps, int lots, int groups, const int *units, int inputs, int links, const Link *link, int weights,
           int cases, const float *const *input, const float *desired, float epsilon, float alpha, float *w,
           float *change)
{
    Active *active[inputs];
    int *begins[inputs];
    Net net = {groups, inputs, links, weights, cases, units, link, desired, active, begins, {0}, {0}};
    for (int g = inputs; g < groups; g++) net.first[g + 1] = net.first[g] + units[g];
    for (int k = 0; k < links; k++)
        if (link[k].source == groups) net.bias[link[k].target] = link[k].at;
    for (int g = 0; g < inputs; g++) {
        active[g] = malloc(cases * units[g] * sizeof(Active));
        begins[g] = malloc((cases + 1) * sizeof(int));
        int found = 0;
        for (int n = 0; n < cases * units[g]; n++) {
            if (n % units[g] == 0) begins[g][n / units[g]] = found;
            if (input[g][n] != 0) active[g][found++] = (Active){n % units[g], input[g][n]};
        }
        begins[g][cases] = found;
    }
#pragma omp parallel for schedule(dynamic)
    for (int lot = 0; lot < lots; lot++) {
        size_t bytes = weights * sizeof(Vector), at = (size_t)lot * weights * LANES;
        Vector *own = aligned_alloc(sizeof(Vector), 3 * bytes), *last = own + weights;
        memcpy(own, w + at, bytes);
        memcpy(last, change + at, bytes);
        for (int n = 0; n < sweeps; n++) one_sweep(&net, epsilon, alpha, own, last, last + weights);
        memcpy(w + at, own, bytes);
        memcpy(change + at, last, bytes);
        free(own);
    }
    for (int g = 0; g < inputs; g++) free(active[g]), free(begins[g]);
}
