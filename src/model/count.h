/* SPDX-License-Identifier: GPL-3.0-or-later
 * model/count.h - how many sites are in which state. Threads: pure. */
#ifndef KR_MODEL_COUNT_H
#define KR_MODEL_COUNT_H

#include <stddef.h>
#include <stdint.h>

/* count (q) = sites of one chain in each state 0..q-1; state (n) contiguous. Cost: O(n q) by
 * vectors of bytes up to 8 states, O(n) by single sites above. */
void kr_count_chain(const uint8_t *state, size_t n, size_t q, int64_t *count);
/* count (n_lanes, q), the same of n_lanes <= 64 chains; state (n, stride) by site. */
void kr_count_lanes(const uint8_t *state, size_t n, size_t n_lanes, size_t stride, size_t q,
                    int64_t *count);

#endif
