/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void fill(struct fb_err *err, int code, const char *file, int line, const char *format, va_list args) FB_PRINTF(5, 0);

static void fill(struct fb_err *err, int code, const char *file, int line, const char *format, va_list args)
{
	struct fb_err e = {.code = code, .line = line};

	if (file)
		snprintf(e.file, sizeof e.file, "%s", file);
	vsnprintf(e.text, sizeof e.text, format, args);
	*err = e; /* only now: an argument may point into the old text */
}

int fb_err_set(struct fb_err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (err)
		fill(err, code, NULL, 0, format, args);
	va_end(args);
	return -1;
}

int fb_err_at(struct fb_err *err, int code, const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (err)
		fill(err, code, file, line, format, args);
	va_end(args);
	return -1;
}

int fb_err_prefix(struct fb_err *err, const char *format, ...)
{
	char context[512], text[sizeof err->text];
	va_list args;

	if (!err)
		return -1;
	va_start(args, format);
	vsnprintf(context, sizeof context, format, args);
	va_end(args);
	memcpy(text, err->text, sizeof text);
	snprintf(err->text, sizeof err->text, "%s: %.*s", context, (int)(sizeof err->text - strlen(context) - 3), text);
	return -1;
}

char *fb_err_format(const struct fb_err *err, char *buf, size_t size)
{
	if (err->file[0] && err->line)
		snprintf(buf, size, "%s:%d: %s", err->file, err->line, err->text);
	else if (err->file[0])
		snprintf(buf, size, "%s: %s", err->file, err->text);
	else
		snprintf(buf, size, "%s", err->text);
	return buf;
}

void fb_errs_add(struct fb_errs *errs, const struct fb_err *err)
{
	errs->v = fb_realloc(errs->v, (errs->n + 1) * sizeof *errs->v);
	errs->v[errs->n++] = *err;
}

void fb_errs_addf(struct fb_errs *errs, int code, const char *file, int line, const char *format, ...)
{
	struct fb_err err;
	va_list args;

	va_start(args, format);
	fill(&err, code, file, line, format, args);
	va_end(args);
	fb_errs_add(errs, &err);
}

void fb_errs_clear(struct fb_errs *errs)
{
	fb_free(errs->v);
	errs->v = NULL;
	errs->n = 0;
}
