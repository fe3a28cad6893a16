/* The same training in plain C, for experiments/speed: LANES networks side by side, one case after the other.
 *
 * Built with cc -O3 -march=native -ffast-math -fopenmp: the loops over l become vector instructions, exp included, and
 * whole lots of LANES networks go to the cores. An input that is 0 is skipped, which no tensor program does.
 * Layout: weights and changes [lot][weight][LANES], a link's weights by row; inputs [case][unit]; groups are numbered
 * from 0, the unit that is always 1 is group number `groups`, with one unit.
 */
#include <math.h>
#include <string.h>

#define LANES 32
#define MOST 32 /* units of a group, and groups */

typedef struct { int source, target, at; } Link;

static void one_sweep(int groups, const int *units, int inputs, int links, const Link *link, int weights, int cases,
                      const float *const *input, const float *desired, float epsilon, float alpha, float *w,
                      float *change)
{
    float slope[weights * LANES]; /* dE/dw, of a lot */
    float y[MOST + 1][MOST][LANES], dE_dx[MOST][MOST][LANES];
    memset(slope, 0, sizeof slope);
    for (int c = 0; c < cases; c++) {
        for (int g = inputs; g < groups; g++) {
            memset(y[g], 0, sizeof y[g]);
            memset(dE_dx[g], 0, sizeof dE_dx[g]);
        }
        for (int g = inputs; g < groups; g++) { /* (1) and (2) */
            for (int k = 0; k < links; k++) {
                if (link[k].target != g) continue;
                int s = link[k].source, from = units[s];
                for (int j = 0; j < units[g]; j++)
                    for (int i = 0; i < from; i++) {
                        const float *v = w + (link[k].at + j * from + i) * LANES;
                        if (s < inputs || s == groups) {
                            float shared = s == groups ? 1 : input[s][c * from + i];
                            if (shared != 0)
                                for (int l = 0; l < LANES; l++) y[g][j][l] += shared * v[l];
                        } else
                            for (int l = 0; l < LANES; l++) y[g][j][l] += y[s][i][l] * v[l];
                    }
            }
            for (int j = 0; j < units[g]; j++)
                for (int l = 0; l < LANES; l++) y[g][j][l] = 1 / (1 + expf(-y[g][j][l]));
        }
        for (int g = groups - 1; g >= inputs; g--) { /* (4) to (7) */
            for (int j = 0; j < units[g]; j++)
                for (int l = 0; l < LANES; l++) {
                    float o = y[g][j][l];
                    float dE_dy = g == groups - 1 ? o - desired[c * units[g] + j] : dE_dx[g][j][l];
                    dE_dx[g][j][l] = dE_dy * o * (1 - o);
                }
            for (int k = 0; k < links; k++) {
                if (link[k].target != g) continue;
                int s = link[k].source, from = units[s];
                for (int j = 0; j < units[g]; j++)
                    for (int i = 0; i < from; i++) {
                        const float *v = w + (link[k].at + j * from + i) * LANES;
                        float *own = slope + (link[k].at + j * from + i) * LANES;
                        if (s < inputs || s == groups) {
                            float shared = s == groups ? 1 : input[s][c * from + i];
                            if (shared != 0)
                                for (int l = 0; l < LANES; l++) own[l] += shared * dE_dx[g][j][l];
                        } else
                            for (int l = 0; l < LANES; l++) {
                                own[l] += dE_dx[g][j][l] * y[s][i][l];
                                dE_dx[s][i][l] += dE_dx[g][j][l] * v[l];
                            }
                    }
            }
        }
    }
    for (int n = 0; n < weights * LANES; n++) { /* (9) */
        change[n] = alpha * change[n] - epsilon * slope[n];
        w[n] += change[n];
    }
}

int lanes(void) { return LANES; }

void train(int sweeps, int lots, int groups, const int *units, int inputs, int links, const Link *link, int weights,
           int cases, const float *const *input, const float *desired, float epsilon, float alpha, float *w,
           float *change)
{
#pragma omp parallel for schedule(dynamic)
    for (int lot = 0; lot < lots; lot++)
        for (int n = 0; n < sweeps; n++)
            one_sweep(groups, units, inputs, links, link, weights, cases, input, desired, epsilon, alpha,
                      w + (long)lot * weights * LANES, change + (long)lot * weights * LANES);
}
