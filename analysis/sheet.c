/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/sheet.c - tables, notes and lists as text or as parts of an HTML page. */
#include "analysis/sheet.h"

#include "analysis/format.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void kr_sheet_escape(FILE *out, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        uint32_t code;
        size_t n = kr_text_decode(text, left, &code);
        const char *entity = n == 0 || !kr_text_is_printable(code) ? "?"
                             : code == '&'                         ? "&amp;"
                             : code == '<'                         ? "&lt;"
                             : code == '>'                         ? "&gt;"
                             : code == '"'                         ? "&quot;"
                             : code == '\''                        ? "&#39;"
                                                                   : NULL;
        n = n > 0 ? n : 1;
        if (entity) {
            fputs(entity, out);
        } else {
            fwrite(text, 1, n, out);
        }
        text += n;
        left -= n;
    }
}

void kr_sheet_section(kr_sheet *t, const char *heading)
{
    if (t->is_html && t->in_section) {
        fputs("</section>\n", t->out);
    }
    t->in_section = false;
    t->heading = heading;
}

/* Something comes: the section begins. */
static void begin(kr_sheet *t)
{
    if (t->is_html && t->heading) {
        fputs("<section>\n<h2>", t->out);
        kr_sheet_escape(t->out, t->heading);
        fputs("</h2>\n", t->out);
        t->in_section = true;
    }
    t->heading = NULL;
}

static void write_html_head(kr_sheet *t, const char *title, const kr_heading *column)
{
    begin(t);
    fputs("<div class=\"table\"><table>\n", t->out);
    if (title) {
        fputs("<caption>", t->out);
        kr_sheet_escape(t->out, title);
        fputs("</caption>\n", t->out);
    }
    fputs(t->has_head ? "<thead><tr>" : "", t->out);
    for (int k = 0; t->has_head && k < t->n_columns; k++) {
        const bool is_left = t->width[k] < 0;
        fprintf(t->out, "<th scope=\"col\"%s>", is_left ? " class=\"left\"" : "");
        kr_sheet_escape(t->out, column[k].head);
        fputs("</th>", t->out);
    }
    fprintf(t->out, "%s<tbody>\n", t->has_head ? "</tr></thead>\n" : "");
}

static void write_text(kr_sheet *t, int k, const char *text, bool is_cut)
{
    const int width = t->width[k];
    const bool has_space = k > 0 && !(t->flags[k] & KR_HEADING_TIGHT);
    fprintf(t->out, "%s%*.*s", has_space ? " " : "", width, is_cut ? abs(width) : -1, text);
}

void kr_sheet_table(kr_sheet *t, const char *title, const kr_heading *column, int n_columns)
{
    t->n_columns = n_columns < KR_SHEET_COLUMNS ? n_columns : KR_SHEET_COLUMNS;
    t->has_head = false;
    t->in_row = false;
    for (int k = 0; k < t->n_columns; k++) {
        t->width[k] = column[k].width;
        t->flags[k] = column[k].flags;
        t->has_head = t->has_head || column[k].head;
    }
    if (t->is_html) {
        write_html_head(t, title, column);
        return;
    }
    fprintf(t->out, "\n%s%s", title ? title : "", title ? "\n" : "");
    for (int k = 0; t->has_head && k < t->n_columns; k++) {
        write_text(t, k, column[k].head, t->flags[k] & (KR_HEADING_CUT | KR_HEADING_CUT_HEAD));
    }
    fputs(t->has_head ? "\n" : "", t->out);
}

/* The first cell of a row is its head. */
static void write_html_cell(kr_sheet *t, const char *text)
{
    const int k = t->n_cells;
    const bool is_bar = t->flags[k] & KR_HEADING_BAR;
    fputs(t->in_row ? "" : "<tr>", t->out);
    fputs(k == 0 ? "<th scope=\"row\"" : "<td", t->out);
    fputs(t->width[k] < 0 ? " class=\"left\">" : ">", t->out);
    if (is_bar) {
        fprintf(t->out, "<span class=\"bar\" style=\"width:%.2fem\"></span>",
                0.25 * (double)strlen(text));
    } else {
        kr_sheet_escape(t->out, text);
    }
    fputs(k == 0 ? "</th>" : "</td>", t->out);
}

void kr_sheet_cell(kr_sheet *t, const char *text)
{
    const int k = t->n_cells;
    if (k >= t->n_columns) {
        return;
    }
    if (t->is_html) {
        write_html_cell(t, text);
    } else {
        write_text(t, k, text, t->flags[k] & KR_HEADING_CUT);
        if (t->flags[k] & KR_HEADING_BREAK && strlen(text) > (size_t)abs(t->width[k])) {
            fprintf(t->out, "\n%*s", abs(t->width[k]), "");
        }
    }
    t->in_row = true;
    t->n_cells++;
}

void kr_sheet_row(kr_sheet *t)
{
    if (t->is_html) {
        for (; t->n_cells < t->n_columns; t->n_cells++) {
            fputs("<td></td>", t->out);
        }
        fputs("</tr>\n", t->out);
    } else {
        fputc('\n', t->out);
    }
    t->in_row = false;
    t->n_cells = 0;
}

void kr_sheet_end(kr_sheet *t)
{
    fputs(t->is_html ? "</tbody></table></div>\n" : "", t->out);
}

void kr_sheet_note(kr_sheet *t, const char *lines)
{
    if (!t->is_html) {
        fputs(lines, t->out);
        fputc('\n', t->out);
        return;
    }
    begin(t);
    fputs("<p class=\"note\">", t->out);
    kr_sheet_escape(t->out, lines);
    fputs("</p>\n", t->out);
}

void kr_sheet_gap(kr_sheet *t)
{
    fputs(t->is_html ? "" : "\n", t->out);
}

void kr_sheet_line(kr_sheet *t, const char *text)
{
    if (!t->is_html) {
        kr_format_wrapped(t->out, "", text);
        return;
    }
    begin(t);
    fputs("<p>", t->out);
    kr_sheet_escape(t->out, text);
    fputs("</p>\n", t->out);
}
