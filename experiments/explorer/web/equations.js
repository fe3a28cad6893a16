// Equations (1) to (9) of Rumelhart, Hinton & Williams, Nature 323:533-536 (1986), in the paper's order and with the
// names of repro/equations.py, for one network and one case. y, d and dE_dx are arrays with a number for each unit of
// a group; w holds a link's weights row by row: w[j * from + i] leads from unit i of the lower group to unit j of the
// higher one.

/** (1): x_j = Σ_i y_i w_ji, over the units i at the lower end of one link. */
function total_input(y, w, j) {
  let x = 0;
  for (let i = 0; i < y.length; i++) x += y[i] * w[j * y.length + i];
  return x;
}

/** (2): y_j = 1 / (1 + exp(-x_j)). */
function logistic(x) {
  return 1 / (1 + Math.exp(-x));
}

/** (3): E = ½ Σ_j (y_j - d_j)², of one case; the whole E is the sum over the cases. */
function error(y, d) {
  let sum = 0;
  for (let j = 0; j < y.length; j++) sum += (y[j] - d[j]) ** 2;
  return sum / 2;
}

/** (4), for an output unit: ∂E/∂y_j = y_j - d_j. */
function dE_dy_output(y, d) {
  return y - d;
}

/** (5): ∂E/∂x_j = ∂E/∂y_j · y_j (1 - y_j). */
function dE_dx(dE_dy, y) {
  return dE_dy * y * (1 - y);
}

/** (6): ∂E/∂w_ji = ∂E/∂x_j · y_i, of one case; before the weights change it is summed over the cases. */
function dE_dw(dE_dx, y) {
  return dE_dx * y;
}

/** (7), for unit i below: ∂E/∂y_i = Σ_j ∂E/∂x_j · w_ji, over the units j of one link; from: how many are below. */
function dE_dy(dE_dx, w, i, from) {
  let sum = 0;
  for (let j = 0; j < dE_dx.length; j++) sum += dE_dx[j] * w[j * from + i];
  return sum;
}

/** (8): Δw = -ε ∂E/∂w. */
function steepest_descent(dE_dw, epsilon) {
  return -epsilon * dE_dw;
}

/** (9): Δw(t) = -ε ∂E/∂w(t) + α Δw(t-1). */
function momentum(dE_dw, previous, epsilon, alpha) {
  return steepest_descent(dE_dw, epsilon) + alpha * previous;
}
