/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast the analysis reads a log, against a bare scan over the same database in the same run: scan SIGNATURES LOG [GREEN]... Owns the clock; the best of five rounds counts, for a
 * machine has other work. Everything is in the page cache after the first round.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "analysis/findings.h"
#include "analysis/reader.h"
#include "base/mem.h"

#define ROUNDS 5

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_found(unsigned number, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)number, (void)from, (void)to, (void)flags;
	++*(unsigned long long *)ctx;
	return 0;
}

static int open_log(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		exit(66);
	}
	return fd;
}

static double bare(struct fb_database *d, const char *path, unsigned long long *matches)
{
	char *buf = fb_alloc(FB_READER_BLOCK);
	int fd = open_log(path);
	double spent = 0;
	ssize_t n;

	*matches = 0;
	while ((n = read(fd, buf, FB_READER_BLOCK)) > 0) {
		double from = now();

		if (fb_database_scan(d, buf, (size_t)n, on_found, matches) < 0)
			exit(70);
		spent += now() - from;
	}
	close(fd);
	fb_free(buf);
	return spent;
}

static void ignore(void *ctx, const struct fb_log_block *b)
{
	(void)ctx;
	(void)b;
}

static double clean(const char *path)
{
	int64_t bytes, lines;
	int fd = open_log(path);
	double from = now();

	if (fb_log_read(fd, ignore, NULL, &bytes, &lines) < 0)
		exit(66);
	close(fd);
	return now() - from;
}

static double learn(struct fb_findings *f, const char *path)
{
	int fd = open_log(path);
	double from = now();

	if (fb_findings_learn(f, fd) < 0)
		exit(66);
	close(fd);
	return now() - from;
}

static double scan(struct fb_findings *f, const char *path)
{
	int64_t bytes, lines;
	int fd = open_log(path);
	double from;

	fb_findings_forget(f);
	from = now();
	if (fb_findings_scan(f, fd, &bytes, &lines) < 0)
		exit(66);
	close(fd);
	return now() - from;
}

static double least(double a, double b)
{
	return !a || b < a ? b : a;
}

static double megabytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

int main(int argc, char **argv)
{
	struct fb_signatures s;
	struct fb_findings *f = NULL, *taught = NULL;
	struct fb_blocks *blocks;
	struct fb_database *d = NULL;
	struct fb_errs errs = {0};
	struct rusage use;
	unsigned long long matches = 0;
	double b = 0, c = 0, a = 0, w = 0, g = 0, mb, greens = 0;

	if (argc < 3) {
		fprintf(stderr, "usage: scan SIGNATURES LOG [GREEN]...\n");
		return 64;
	}
	if (fb_signatures_read((const char *[]){argv[1], NULL}, &s, &errs) < 0 || fb_blocks_read((const char *[]){argv[1], NULL}, &blocks, &errs) < 0 || fb_database_open(&s, NULL, &d, &errs) < 0 ||
	    fb_findings_new(&s, NULL, &f, &errs) < 0 || fb_findings_new(&s, NULL, &taught, &errs) < 0)
		return 65;
	fb_findings_use(f, blocks);
	fb_findings_use(taught, blocks);
	mb = megabytes(argv[2]);
	for (int i = 0; i < ROUNDS; i++) {
		double once = 0;

		for (int k = 3; k < argc; k++)
			once += learn(taught, argv[k]);
		g = least(g, once);
		b = least(b, bare(d, argv[2], &matches));
		c = least(c, clean(argv[2]));
		a = least(a, scan(f, argv[2]));
		w = argc > 3 ? least(w, scan(taught, argv[2])) : 0;
	}
	for (int k = 3; k < argc; k++)
		greens += megabytes(argv[k]);
	getrusage(RUSAGE_SELF, &use);
	printf("%zu signatures, %.1f MB, %llu matches\n", s.n, mb, matches);
	printf("bare scan            %8.1f MB/s\n", mb / b);
	printf("reader alone         %8.1f MB/s\n", mb / c);
	printf("signatures           %8.1f MB/s  %.2f of the bare scan\n", mb / a, b / a);
	if (argc > 3) {
		printf("successes learned    %8.1f MB/s\n", greens / g);
		printf("log, when taught     %8.1f MB/s  %.2f of the bare scan\n", mb / w, b / w);
		printf("whole, with %d logs   %8.1f MB/s  %.2f of the bare scan\n", argc - 2, (mb + greens) / (w + g), (mb + greens) / (w + g) / (mb / b));
	}
	printf("resident at most     %8.1f MiB\n", (double)use.ru_maxrss / 1024);
	fb_findings_free(f);
	fb_findings_free(taught);
	fb_blocks_free(blocks);
	fb_database_close(d);
	fb_signatures_clear(&s);
	return 0;
}
