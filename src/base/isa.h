/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/isa.h - instruction sets of the vector kernels, chosen at run time.
 *
 * A kernel file is compiled once per instruction set (list in src/meson.build) and names its
 * exported table KR_ISA_NAME(table), which becomes table_avx512, table_avx2 or table_portable.
 * All give the same bits. Threads: pure. */
#ifndef KR_BASE_ISA_H
#define KR_BASE_ISA_H

#include "kramers_plug.h"

#define KR_ISA_JOIN(a, b)   a##_##b
#define KR_ISA_EXPAND(a, b) KR_ISA_JOIN(a, b)
#define KR_ISA_NAME(table)  KR_ISA_EXPAND(table, KR_ISA_SUFFIX)

/* True when this build has the kernels and this CPU runs them. KR_ISA_BEST: always. */
bool kr_isa_runs(kr_isa isa);
/* KR_ISA_BEST becomes the widest one that runs; others stay. */
kr_isa kr_isa_resolve(kr_isa isa);
/* "avx512", "avx2", "portable"; "best" for KR_ISA_BEST. */
const char *kr_isa_text(kr_isa isa);
/* The inverse; false for an unknown word. */
bool kr_isa_parse(const char *text, kr_isa *isa);

#endif
