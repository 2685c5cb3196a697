/* SPDX-License-Identifier: GPL-3.0-or-later
 * analysis/report.c - a result file as one HTML page: verdict, tables of the summary, figures,
 * run file.
 *
 * The page needs nothing beside it: no script, no font, no network. Numbers come from the
 * summary, figures from the kinds of plot.c that the file allows. What a file or a run file
 * says is text of a user and is escaped. */
#include "analysis/analysis.h"
#include "analysis/plot.h"
#include "analysis/summary.h"
#include "analysis/svg.h"
#include "base/text.h"
#include "io/files.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GENERATOR "<meta name=\"generator\" content=\"kramers "

typedef struct kr_page {
    FILE *out;
    const char *path, *version; /* of the result file; of this program */
    const char *run_file;       /* NULL: the file has none */
    kr_source source;
    const kr_summary *summary;
} kr_page;

static void write_tagged(FILE *out, const char *tag, const char *text)
{
    fprintf(out, "<%s>", tag);
    kr_sheet_escape(out, text);
    fprintf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

/* ---- parts of the page ------------------------------------------------------------------- */

/* "ising, hypercubic 16x16, beta = 0.44"; of a scan "beta = 0.2 .. 0.6". */
static void page_title(const kr_summary *s, const char *path, char *out, size_t size)
{
    const kr_points *points = &s->points;
    const char *slash = strrchr(path, '/');
    size_t n = (size_t)snprintf(out, size, "%s",
                                s->title[0] ? s->title
                                : slash     ? slash + 1
                                            : path);
    for (int m = 0; m < points->n_params && points->n > 0 && n < size; m++) {
        const double *x = points->value + m * points->n;
        const char *last = strrchr(points->name[m], '.');
        double low = x[0], high = x[0];
        for (int64_t p = 1; p < points->n; p++) {
            low = fmin(low, x[p]);
            high = fmax(high, x[p]);
        }
        n += (size_t)snprintf(out + n, size - n, ", %s = %.8g",
                              last ? last + 1 : points->name[m], low);
        if (high > low && n < size) {
            n += (size_t)snprintf(out + n, size - n, " .. %.8g", high);
        }
    }
}

static void write_list(FILE *out, const kr_messages *messages)
{
    fputs(messages->n ? "<ul>\n" : "", out);
    for (int k = 0; k < messages->n; k++) {
        write_tagged(out, "li", messages->text[k]);
    }
    fputs(messages->n ? "</ul>\n" : "", out);
}

static void write_verdict(const kr_summary *s, FILE *out)
{
    fprintf(out, "<section class=\"verdict %s\">\n<h2>%s</h2>\n",
            s->is_converged ? "good" : "bad", s->is_converged ? "Converged" : "Not converged");
    if (s->is_converged) {
        write_tagged(out, "p",
                     s->n_points > 1 ? "All rules of the verdict hold at every point: errors "
                                       "can be taken as they are."
                                     : "All rules of the verdict hold: errors can be taken as "
                                       "they are.");
    } else {
        write_tagged(out, "p", "Do not rely on the numbers below before this is mended:");
        write_list(out, &s->reasons);
    }
    if (s->warnings.n > 0) {
        write_tagged(out, "p",
                     s->warnings.n == 1 ? "One warning, which leaves the verdict alone:"
                                        : "Warnings, which leave the verdict alone:");
        write_list(out, &s->warnings);
    }
    fputs("</section>\n", out);
}

/* Of a scan the table of all points, then every column of every observable folded away. */
static void write_tables(const kr_summary *s, FILE *out)
{
    kr_sheet sheet = { .out = out, .is_html = true };
    if (s->n_draws < KR_SUMMARY_DRAWS) {
        kr_sheet_section(&sheet, "Estimates");
        kr_sheet_line(&sheet, s->n_draws < 1
                                  ? "No draws yet, hence no tables."
                                  : "Fewer than 4 draws per chain, hence no tables.");
        kr_sheet_section(&sheet, NULL);
        return;
    }
    kr_summary_print_tables(s, &sheet);
    if (s->n_points > 1) {
        kr_summary full = *s;
        full.is_full = true;
        fputs("<details>\n<summary>Every point with tau_int, ESS, R-hat, exact value and z"
              "</summary>\n",
              out);
        kr_summary_print_observables(&full, &sheet);
        fputs("</details>\n", out);
    }
}

static void write_words(FILE *out)
{
    static const char *const word[][2] = {
        { "1.23456(78)", "a value with its standard error in the last digits: 0.00078" },
        { "tau_int", "integrated autocorrelation time in draws; independent draws have 0.5, "
                     "\"> 400\" says that the correlation lasts over half a chain, so that the "
                     "error is a lower bound" },
        { "ESS",
          "effective sample size, n/(2 tau_int): independent draws with the same error" },
        { "R-hat", "spread between chains over that within them, of ranks; 1.00 where chains "
                   "agree, the verdict wants below 1.05" },
        { "exact, z",
          "the exact value where one is known, and the distance from it in errors" },
        { "ESS_q, ESS_p", "effective fraction of the samples of a density by their weights, "
                          "from the density and from the chain; ESS_p tells whether it has "
                          "lost a phase" },
    };
    fputs("<details>\n<summary>How to read the numbers</summary>\n<dl>\n", out);
    for (size_t k = 0; k < sizeof word / sizeof *word; k++) {
        write_tagged(out, "dt", word[k][0]);
        write_tagged(out, "dd", word[k][1]);
    }
    fputs("</dl>\n</details>\n", out);
}

/* ---- figures ----------------------------------------------------------------------------- */

/* What a message says, without the file in front. */
static const char *without_path(const kr_page *page, const char *text)
{
    const size_t n = strlen(page->path);
    return strncmp(text, page->path, n) == 0 && strncmp(text + n, ": ", 2) == 0 ? text + n + 2
                                                                                : text;
}

static int write_figure(const kr_page *page, const kr_plot_kind *kind, const char *figure,
                        bool is_first, kr_error *err)
{
    FILE *out = page->out;
    KR_TRY(kr_plot_draw(kind, &page->source, 1, figure, err));
    fputs(is_first ? "<section>\n<h2>Figures</h2>\n" : "", out);
    fprintf(out, "<figure id=\"%s\">\n<div class=\"figure\">\n", kind->name);
    int status = kr_svg_inline(figure, kind->name, kind->caption, out, err);
    fprintf(out, "</div>\n<figcaption><b>%s.</b> ", kind->name);
    kr_sheet_escape(out, status == KR_OK ? kind->caption : err->text);
    fputs("</figcaption>\n</figure>\n", out);
    return KR_OK;
}

/* Every kind that the file allows, drawn in the folder; what it does not is listed. */
static int write_kinds(const kr_page *page, const char *folder, kr_error *err)
{
    kr_text missing = { 0 };
    int n_drawn = 0, status = KR_OK;
    for (const kr_plot_kind *kind = kr_plot_kinds; kind->name && status == KR_OK; kind++) {
        char path[KR_PATH_MAX];
        kr_error refused = { 0 };
        snprintf(path, sizeof path, "%.4000s/%s.svg", folder, kind->name);
        int drawn = write_figure(page, kind, path, n_drawn == 0, &refused);
        static const char *const ending[] = { "svg", "gp", "dat" };
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "%.4000s/%s.%s", folder, kind->name, ending[k]);
            unlink(path);
        }
        n_drawn += drawn == KR_OK;
        if (drawn != KR_OK) {
            status = kr_text_add(&missing, err, "%s%s: %s", missing.length ? "\n" : "",
                                 kind->name, without_path(page, refused.text));
        }
    }
    fputs(n_drawn ? "</section>\n" : "", page->out);
    if (status == KR_OK && missing.length > 0) {
        fputs("<details>\n<summary>Figures that are not here, and why</summary>\n<ul>\n",
              page->out);
        for (char *line = strtok(missing.data, "\n"); line; line = strtok(NULL, "\n")) {
            write_tagged(page->out, "li", line);
        }
        fputs("</ul>\n</details>\n", page->out);
    }
    kr_text_clear(&missing);
    return status;
}

/* gnuplot works on files: in a folder beside the page, which is removed. */
static int write_figures(const kr_page *page, const char *output, kr_error *err)
{
    char folder[KR_PATH_MAX];
    if (!kr_gnuplot_exists()) {
        fputs("<section>\n<h2>Figures</h2>\n", page->out);
        write_tagged(page->out, "p", "None: gnuplot was not found, want it installed.");
        fputs("</section>\n", page->out);
        return KR_OK;
    }
    snprintf(folder, sizeof folder, "%.4000s.figures-%ld", output, (long)getpid());
    if (mkdir(folder, 0700) != 0) {
        return kr_fail(err, KR_EIO, "%s: no folder for figures: %s", output, strerror(errno));
    }
    int status = write_kinds(page, folder, err);
    rmdir(folder);
    return status;
}

/* ---- the page ---------------------------------------------------------------------------- */

static void write_head(const kr_page *page, const char *title)
{
    static const char *const style[] = {
        ":root{color-scheme:light}",
        "body{margin:0 auto;padding:1em;max-width:60em;background:#fff;color:#1a1a1a;",
        "font:16px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}",
        "h1{font-size:1.5em;line-height:1.2;margin:.3em 0}",
        "h2{font-size:1.15em;margin:1.6em 0 .4em}",
        "header p{margin:.2em 0;color:#444}",
        ".verdict{border-left:6px solid;padding:.1em 1em;margin:1em 0}",
        ".verdict h2{margin:.5em 0 .2em}",
        ".good{border-color:#009E73;background:#eef8f4}",
        ".bad{border-color:#D55E00;background:#fdf1ea}",
        ".table,.figure{overflow-x:auto}",
        "table{border-collapse:collapse;margin:.6em 0;font-size:.86em;",
        "font-variant-numeric:tabular-nums;white-space:nowrap}",
        "caption{text-align:left;font-weight:600;padding:.3em 0}",
        "th,td{text-align:right;padding:.18em .6em;border-bottom:1px solid #e3e3e3}",
        "thead th{border-bottom:1px solid #888}tbody th{font-weight:400}",
        "th:first-child{padding-left:0}th.left,td.left{text-align:left}",
        ".bar{display:inline-block;height:.8em;background:#0072B2}",
        ".note{font-size:.8em;color:#555;margin:.3em 0 .8em;max-width:52em}",
        "figure{margin:1.2em 0}figure "
        "svg{display:block;width:100%;max-width:800px;height:auto}",
        "svg image{image-rendering:pixelated}",
        "svg text{font-family:system-ui,Helvetica,Arial,sans-serif}",
        "figcaption{font-size:.86em;color:#333;max-width:52em;margin-top:.4em}",
        "figcaption b{display:inline-block}figcaption "
        "b::first-letter{text-transform:uppercase}",
        "pre{overflow-x:auto;background:#f6f6f6;padding:.7em;font-size:.82em;line-height:1.35}",
        "dt{font-weight:600}dd{margin:0 0 .5em 1.2em}summary{cursor:pointer;color:#0b5394}",
        "details{margin:.8em 0}li{margin:.25em 0;overflow-wrap:anywhere}",
        "p,h1{overflow-wrap:anywhere}",
        "@media(max-width:600px){body{font-size:15px;padding:.7em}figure svg{width:640px}}",
        "@media print{body{max-width:none;font-size:11px;padding:0}",
        ".table,.figure,pre{overflow:visible}pre{white-space:pre-wrap}",
        "figure,.verdict,tr{break-inside:avoid}h2{break-after:avoid}",
        "details::details-content{content-visibility:visible;display:block}",
        ".verdict,.bar{print-color-adjust:exact;-webkit-print-color-adjust:exact}}"
    };
    fprintf(page->out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n" GENERATOR
            "%s\">\n<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n",
            page->version);
    write_tagged(page->out, "title", title);
    fputs("<style>\n", page->out);
    for (size_t k = 0; k < sizeof style / sizeof *style; k++) {
        fprintf(page->out, "%s\n", style[k]);
    }
    fputs("</style>\n</head>\n<body>\n", page->out);
}

static void write_cost(const kr_page *page)
{
    kr_sheet sheet = { .out = page->out, .is_html = true };
    kr_sheet_section(&sheet, "Cost");
    kr_summary_print_cost(page->summary, &sheet);
    kr_sheet_section(&sheet, NULL);
}

/* NAME of ".../NAME.h5" */
static void stem_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    snprintf(out, size, "%.*s", dot && dot != name ? (int)(dot - name) : (int)strlen(name),
             name);
}

static void write_origin(const kr_page *page)
{
    FILE *out = page->out;
    const kr_summary *s = page->summary;
    char name[256], line[1024];
    stem_of(page->path, name, sizeof name);
    fputs("<section>\n<h2>How to reproduce</h2>\n", out);
    if (page->run_file) {
        snprintf(
            line, sizeof line,
            "Save the run file below as %s.yaml, beside the files that it names if any, and "
            "run it. kramers %s gives the same draws, bit for bit, for any number of "
            "threads; only the cost differs.",
            name, s->version[0] ? s->version : "of the same version");
        write_tagged(out, "p", line);
        snprintf(line, sizeof line, "kramers run %s.yaml -o %s-again.h5", name, name);
        write_tagged(out, "pre", line);
    } else {
        write_tagged(out, "p", "The file does not hold its run file.");
    }
    snprintf(line, sizeof line,
             "Result file %s%s%s, written by kramers %s; this page by kramers %s.", page->path,
             s->run_id[0] ? ", run " : "", s->run_id,
             s->version[0] ? s->version : "of an unknown version", page->version);
    write_tagged(out, "p class=\"note\"", line);
    if (page->run_file) {
        fputs("<details>\n<summary>Run file with every default</summary>\n", out);
        write_tagged(out, "pre", page->run_file);
        fputs("</details>\n", out);
    }
    fputs("</section>\n", out);
}

static int write_page(const kr_page *page, const kr_error *unknown, const char *output,
                      kr_error *err)
{
    char title[512];
    kr_sheet sheet = { .out = page->out, .is_html = true };
    page_title(page->summary, page->path, title, sizeof title);
    write_head(page, title);
    fputs("<header>\n", page->out);
    write_tagged(page->out, "h1", title);
    if (unknown->status == KR_OK) {
        kr_summary_print_setup(page->summary, &sheet);
        fputs("</header>\n<main>\n", page->out);
        write_verdict(page->summary, page->out);
        write_tables(page->summary, page->out);
    } else {
        fputs("</header>\n<main>\n<section class=\"verdict bad\">\n<h2>No estimates</h2>\n",
              page->out);
        write_tagged(page->out, "p", without_path(page, unknown->text));
        fputs("</section>\n", page->out);
    }
    KR_TRY(write_figures(page, output, err));
    write_cost(page);
    write_origin(page);
    write_words(page->out);
    fputs("</main>\n</body>\n</html>\n", page->out);
    return KR_OK;
}

/* A page of ours may be replaced, nothing else. */
static int check_output(const char *output, bool overwrite, kr_error *err)
{
    struct stat info;
    char begin[256] = "";
    if (!overwrite || stat(output, &info) != 0) {
        return kr_files_check_replace(output, false, err);
    }
    FILE *file = S_ISREG(info.st_mode) ? fopen(output, "r") : NULL;
    const size_t n = file ? fread(begin, 1, sizeof begin - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    begin[n] = '\0';
    return strstr(begin, GENERATOR)
               ? KR_OK
               : kr_fail(err, KR_EPARSE, "%s: exists and is no report, want another -o",
                         output);
}

/* Whole or not at all. */
static int replace(const char *output, const char *text, size_t size, kr_error *err)
{
    char partial[KR_PATH_MAX];
    snprintf(partial, sizeof partial, "%.4080s.partial", output);
    FILE *file = fopen(partial, "w");
    bool is_bad = !file || fwrite(text, 1, size, file) != size;
    is_bad = (file && fclose(file) != 0) || is_bad;
    if (is_bad || rename(partial, output) != 0) {
        const int cause = errno;
        if (file) {
            unlink(partial);
        }
        return kr_fail(err, KR_EIO, "%s: %s", output, strerror(cause));
    }
    return KR_OK;
}

static int compose(kr_page *page, const char *output, kr_error *err)
{
    char *text = NULL;
    size_t size = 0;
    kr_summary s;
    kr_error unknown = { 0 };
    kr_reader_attr_text(page->source.reader, "", "", "run_file", &page->run_file);
    int status = kr_summary_compute(page->source.reader, page->path, &s, &unknown);
    page->summary = &s;
    page->out = open_memstream(&text, &size);
    if (status != KR_OK && !(status == KR_EUNSUP && page->run_file)) {
        status = kr_fail(err, status, "%s", unknown.text);
    } else if (!page->out) {
        status = kr_fail(err, KR_ENOMEM, "report: no memory for the page");
    } else {
        status = write_page(page, &unknown, output, err);
    }
    const bool is_bad = page->out && fclose(page->out) != 0;
    if (status == KR_OK) {
        status = is_bad ? kr_fail(err, KR_ENOMEM, "report: no memory for the page")
                        : replace(output, text, size, err);
    }
    free(text);
    kr_summary_clear(&s);
    return status;
}

int kr_report_write(const char *path, const char *output, bool overwrite, const char *version,
                    char *made, kr_error *err)
{
    kr_page page = { .path = path, .version = version };
    char stem[KR_PATH_MAX];
    if (output) {
        snprintf(made, KR_PATH_MAX, "%s", output);
    } else {
        const size_t n = strlen(path);
        snprintf(stem, sizeof stem, "%s", path);
        if (n > 3 && strcmp(path + n - 3, ".h5") == 0 && n < sizeof stem) {
            stem[n - 3] = '\0';
        }
        snprintf(made, KR_PATH_MAX, "%.4080s-report.html", stem);
    }
    KR_TRY(check_output(made, overwrite, err));
    int status = kr_plot_open(&page.source, path, err);
    status = status == KR_OK ? compose(&page, made, err) : status;
    kr_reader_close(page.source.reader);
    return status;
}
