// A seed's first weights, the very ones that repro/population.py draws: by the Mersenne Twister MT19937 (Matsumoto &
// Nishimura 1998), which is torch's generator on a CPU.

/** A function that gives the next 32 random bits. */
function mersenne_twister(seed) {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let n = 1; n < 624; n++) state[n] = Math.imul(1812433253, state[n - 1] ^ (state[n - 1] >>> 30)) + n;
  let next = 624;

  function renew() {
    for (let n = 0; n < 624; n++) {
      const joined = (state[n] & 0x80000000) | (state[(n + 1) % 624] & 0x7fffffff);
      state[n] = state[(n + 397) % 624] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
    }
    next = 0;
  }

  return () => {
    if (next === 624) renew();
    let bits = state[next++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  };
}

/** Weights uniform in ± initial_range, in the order of the keys, row by row. */
function first_weights(net, seed) {
  const bits = mersenne_twister(seed);
  return shaped(net, () => {
    const high = bits() & 0x1fffff; // 53 bits make a double: 21 of the first 32 and all of the next
    const uniform = (high * 2 ** 32 + bits()) / 2 ** 53;
    return (2 * uniform - 1) * net.initial_range;
  });
}
