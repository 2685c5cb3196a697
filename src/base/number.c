/* SPDX-License-Identifier: GPL-3.0-or-later
 * base/number.c - strict decimal numbers, the same in every locale.
 *
 * A number is [+-] digits [. digits] [e [+-] digits] with at least one digit before the
 * exponent and no idle leading zero. The grammar is checked here, the value of a real is left
 * to strtod in the "C" locale, which rounds correctly. */
#include "base/runfile.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct decimal {
    bool is_negative;
    const char *whole, *fraction; /* digits before and after the point, not terminated */
    size_t n_whole, n_fraction;
    int64_t exponent; /* clamped to +-10^9: any number that long is 0 or too large */
    const char *end;  /* first character that does not belong */
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p)) {
        p++;
    }
    return p;
}

static decimal scan(const char *text)
{
    decimal d = { .is_negative = text[0] == '-' };
    const char *p = text + (text[0] == '-' || text[0] == '+');
    d.whole = p;
    p = skip_digits(p);
    d.n_whole = (size_t)(p - d.whole);
    d.fraction = p;
    if (*p == '.') {
        d.fraction = p + 1;
        p = skip_digits(p + 1);
        d.n_fraction = (size_t)(p - d.fraction);
    }
    d.end = d.n_whole + d.n_fraction ? p : text;
    if (d.end != text && (*p == 'e' || *p == 'E')) {
        const char *digits = p + 1 + (p[1] == '-' || p[1] == '+');
        if (is_digit(*digits)) {
            d.end = skip_digits(digits);
            for (const char *c = digits; c < d.end && d.exponent < 1000000000; c++) {
                d.exponent = 10 * d.exponent + (*c - '0');
            }
            d.exponent = p[1] == '-' ? -d.exponent : d.exponent;
        }
    }
    return d;
}

static bool names_no_finite_number(const char *text)
{
    const char *p = text + (text[0] == '-' || text[0] == '+');
    p += *p == '.';
    return strcasecmp(p, "inf") == 0 || strcasecmp(p, "infinity") == 0 ||
           strcasecmp(p, "nan") == 0;
}

static int check(const char *text, const decimal *d, const char *want, kr_error *err)
{
    char seen[KR_CLIP_MAX];
    kr_text_clip(seen, text);
    const char *rest = d->end;
    if (text[0] == '\0') {
        return kr_fail(err, KR_EPARSE, "no value, want %s", want);
    }
    if (names_no_finite_number(text)) {
        return kr_fail(err, KR_EPARSE, "%s is not finite, want a finite number", seen);
    }
    if (rest == text) {
        return kr_fail(err, KR_EPARSE, "%s is not a number, want %s", seen, want);
    }
    if (d->n_whole == 1 && d->whole[0] == '0' && d->n_fraction == 0 &&
        strchr("xXoObB", *rest) && *rest) {
        return kr_fail(err, KR_EPARSE, "%s is not decimal, want %s in decimal digits", seen,
                       want);
    }
    if (*rest == '_' || *rest == ',') {
        return kr_fail(err, KR_EPARSE, "%s has a '%c' in it, want %s%s", seen, *rest, want,
                       *rest == ',' ? " with a decimal point" : " in digits alone");
    }
    if (*rest) {
        char left[KR_CLIP_MAX];
        return kr_fail(err, KR_EPARSE, "%s is only half a number: \"%s\" is left over, want %s",
                       seen, kr_text_clip(left, rest), want);
    }
    if (d->n_whole > 1 && d->whole[0] == '0') {
        return kr_fail(err, KR_EPARSE, "%s begins with 0 (octal is not read), want %s", seen,
                       want);
    }
    return KR_OK;
}

static bool is_zero(const decimal *d)
{
    return strspn(d->whole, "0") >= d->n_whole && strspn(d->fraction, "0") >= d->n_fraction;
}

int kr_number_real(const char *text, double *value, kr_error *err)
{
    decimal d = scan(text);
    KR_TRY(check(text, &d, "a number", err));
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) {
        return kr_fail(err, KR_ENOMEM, "memory: no locale to read a number in");
    }
    locale_t before = uselocale(plain);
    double read = strtod(text, NULL);
    uselocale(before);
    freelocale(plain);
    char seen[KR_CLIP_MAX];
    if (!isfinite(read)) {
        return kr_fail(err, KR_ERANGE, "%s is too large, want a finite number",
                       kr_text_clip(seen, text));
    }
    if (read == 0.0 && !is_zero(&d)) {
        return kr_fail(err, KR_ERANGE, "%s is too small, want 0 or a number a double can hold",
                       kr_text_clip(seen, text));
    }
    *value = read;
    return KR_OK;
}

/* k-th digit of the number read as an integer: whole, then fraction, then zeros. */
static int digit(const decimal *d, int64_t k)
{
    size_t i = (size_t)k;
    if (i < d->n_whole) {
        return d->whole[i] - '0';
    }
    i -= d->n_whole;
    return i < d->n_fraction ? d->fraction[i] - '0' : 0;
}

int kr_number_integer(const char *text, int64_t *value, kr_error *err)
{
    decimal d = scan(text);
    KR_TRY(check(text, &d, "an integer", err));
    char seen[KR_CLIP_MAX];
    kr_text_clip(seen, text);
    int64_t n_digits = (int64_t)(d.n_whole + d.n_fraction);
    int64_t n_integer = (int64_t)d.n_whole + d.exponent; /* digits before the moved point */
    if (is_zero(&d)) {
        n_integer = n_digits = 0;
    }
    for (int64_t k = n_integer > 0 ? n_integer : 0; k < n_digits; k++) {
        if (digit(&d, k)) {
            return kr_fail(err, KR_EPARSE, "%s is not whole, want an integer", seen);
        }
    }
    uint64_t magnitude = 0;
    uint64_t limit = (uint64_t)INT64_MAX + d.is_negative;
    for (int64_t k = 0; k < n_integer; k++) {
        uint64_t next = (uint64_t)digit(&d, k);
        if (magnitude > (limit - next) / 10) {
            return kr_fail(err, KR_ERANGE,
                           "%s is beyond 64 bits, want an integer in %" PRId64 "..%" PRId64,
                           seen, INT64_MIN, INT64_MAX);
        }
        magnitude = 10 * magnitude + next;
    }
    *value = d.is_negative && magnitude ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    return KR_OK;
}

const char *kr_number_format(double value, char text[KR_NUMBER_MAX])
{
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, KR_NUMBER_MAX, "%.*g", precision, value);
        /* the locale's decimal point, of whatever bytes, is all that is not one of these */
        size_t at = strspn(text, "+-0123456789einfa");
        size_t length = strlen(text), after = at;
        while (after < length && !strchr("0123456789e", text[after])) {
            after++;
        }
        if (after > at) {
            text[at] = '.';
            memmove(text + at + 1, text + after, length - after + 1);
        }
        double back = 0.0;
        if (!isfinite(value) || (kr_number_real(text, &back, NULL) == KR_OK && back == value)) {
            break;
        }
    }
    return text;
}

static int refuse_node(const kr_runfile *file, const kr_node *node, const char *label,
                       const char *want, kr_error *err)
{
    if (node->kind != KR_NODE_SCALAR || (!node->is_quoted && node->text[0] == '\0')) {
        return kr_runfile_fail(file, node, err, KR_EPARSE, "%s is %s, want %s", label,
                               kr_node_describe(node), want);
    }
    if (node->is_quoted) {
        char seen[KR_CLIP_MAX];
        return kr_runfile_fail(file, node, err, KR_EPARSE,
                               "%s = \"%s\" is text in quotes, want %s without quotes", label,
                               kr_text_clip(seen, node->text), want);
    }
    return KR_OK;
}

int kr_node_real(const kr_runfile *file, const kr_node *node, const char *label, double *value,
                 kr_error *err)
{
    KR_TRY(refuse_node(file, node, label, "a number", err));
    kr_error inner = { 0 };
    int status = kr_number_real(node->text, value, &inner);
    return status ? kr_runfile_fail(file, node, err, status, "%s = %s", label, inner.text)
                  : KR_OK;
}

int kr_node_integer(const kr_runfile *file, const kr_node *node, const char *label,
                    int64_t *value, kr_error *err)
{
    KR_TRY(refuse_node(file, node, label, "an integer", err));
    kr_error inner = { 0 };
    int status = kr_number_integer(node->text, value, &inner);
    return status ? kr_runfile_fail(file, node, err, status, "%s = %s", label, inner.text)
                  : KR_OK;
}
