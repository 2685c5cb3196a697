/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/sheet.h - tables, notes and lists: the same calls write text for a terminal or parts
 * of an HTML page. Threads: pure, one sheet each. */
#ifndef KR_ANALYSIS_SHEET_H
#define KR_ANALYSIS_SHEET_H

#include <stdbool.h>
#include <stdio.h>

#define KR_SHEET_COLUMNS 64

/* How text, whose columns have a width, shows what HTML shows whole. */
enum {
    KR_HEADING_CUT_HEAD = 1, /* too long a head is cut */
    KR_HEADING_CUT = 2,      /* head and cells are */
    KR_HEADING_BREAK = 4,    /* too long a cell is a line of its own; of the first column */
    KR_HEADING_TIGHT = 8,    /* no space before it */
    KR_HEADING_BAR = 16      /* cells are bars: as many '#' as they are long */
};

typedef struct kr_heading {
    const char *head;
    int width; /* as in printf: negative is left-aligned */
    unsigned flags;
} kr_heading;

typedef struct kr_sheet {
    FILE *out; /* borrowed */
    bool is_html;
    const char *heading; /* of a section that has nothing yet; borrowed */
    bool in_section, in_row, has_head;
    int n_columns, n_cells;
    int width[KR_SHEET_COLUMNS];
    unsigned flags[KR_SHEET_COLUMNS];
} kr_sheet;

/* What follows belongs to a section; one that stays empty leaves no trace. Text has none.
 * heading NULL: the last one ends. */
void kr_sheet_section(kr_sheet *sheet, const char *heading);
/* A table after an empty line; title NULL: none. Columns without any head have no row of heads.
 */
void kr_sheet_table(kr_sheet *sheet, const char *title, const kr_heading *column,
                    int n_columns);
void kr_sheet_cell(kr_sheet *sheet, const char *text);
/* Ends a row, which may be shorter than the table. */
void kr_sheet_row(kr_sheet *sheet);
void kr_sheet_end(kr_sheet *sheet);
/* Lines as they are, which HTML joins: what the columns of the table above mean. */
void kr_sheet_note(kr_sheet *sheet, const char *lines);
/* An empty line of text. */
void kr_sheet_gap(kr_sheet *sheet);
/* Words, wrapped in text. */
void kr_sheet_line(kr_sheet *sheet, const char *text);
/* Writes text where HTML stands, also between quotes: markup and what is not printable UTF-8
 * are replaced. */
void kr_sheet_escape(FILE *out, const char *text);

#endif
