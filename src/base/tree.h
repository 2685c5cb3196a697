/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/tree.h - YAML text to nodes; for base/runfile.c. */
#ifndef KR_BASE_TREE_H
#define KR_BASE_TREE_H

#include "base/runfile.h"

/* Reads one document of length bytes into nodes of the file; *root is NULL when it holds
 * nothing. origin as in kr_node; when NULL the text is file->source, whose lines messages
 * quote. Errors: KR_EPARSE, KR_ENOMEM. */
int kr_tree_read(kr_runfile *file, const char *origin, const char *text, size_t length,
                 kr_node **root, kr_error *err);

#endif
