/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: a code, a place, a sentence. Lower layers fill one and return -1; they never log. */
#ifndef FB_BASE_ERR_H
#define FB_BASE_ERR_H

#include <stddef.h>

#define FB_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define FB_MUST_USE __attribute__((warn_unused_result))

/* The command's exit codes, which are a contract (failback(1)); an error's code is the one that it would end the program with. */
#define FB_EXIT_DONE 0
#define FB_EXIT_FAILED 1      /* failed, nothing was changed */
#define FB_EXIT_RECOVERED 3   /* deployment failed; the last known good is restored and verified */
#define FB_EXIT_INCOMPLETE 4  /* something was changed and not recovered: a person is needed */
#define FB_EXIT_REFUSED 5     /* approval, claim, preflight */
#define FB_EXIT_WAITING 6     /* waiting for approval */
#define FB_EXIT_INTERRUPTED 7 /* can be resumed */
#define FB_EXIT_USAGE 64
#define FB_EXIT_CONFIG 65
#define FB_EXIT_PLUGIN 69
#define FB_EXIT_BUG 70
#define FB_EXIT_JOURNAL 74
#define FB_EXIT_STOPPED 130

struct fb_err {
	int code;        /* FB_EXIT_; 0: no error */
	int line;        /* 0: no line */
	char file[256];  /* "": no file */
	char text[1024]; /* what was attempted, on what, what came back, what to do next */
};

/* Fills err (which may be NULL) and returns -1. */
int fb_err_set(struct fb_err *err, int code, const char *format, ...) FB_PRINTF(3, 4);
/* The same with a place in a configuration file. */
int fb_err_at(struct fb_err *err, int code, const char *file, int line, const char *format, ...) FB_PRINTF(5, 6);
/* Puts "context: " before the text of an error that is set already; returns -1. */
int fb_err_prefix(struct fb_err *err, const char *format, ...) FB_PRINTF(2, 3);
/* "file:line: text" or "text" into buf; returns buf. */
char *fb_err_format(const struct fb_err *err, char *buf, size_t size);

/* A growing list of errors, for readers that report all they find. Zero it to begin; fb_errs_clear frees it. */
struct fb_errs {
	struct fb_err *v;
	size_t n;
};
void fb_errs_add(struct fb_errs *errs, const struct fb_err *err);
void fb_errs_addf(struct fb_errs *errs, int code, const char *file, int line, const char *format, ...) FB_PRINTF(5, 6);
void fb_errs_clear(struct fb_errs *errs);

#endif
