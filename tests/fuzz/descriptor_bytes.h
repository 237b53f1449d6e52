/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a descriptor. The first byte says which parts are made right, so that what is behind them is reached (RIGHT_), the rest is a struct fb_plugin
 * and whatever it points to: pointers are offsets into the bytes. With WILD they are taken as they are.
 */
#ifndef TESTS_FUZZ_DESCRIPTOR_BYTES_H
#define TESTS_FUZZ_DESCRIPTOR_BYTES_H

#include <failback/plugin.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define RIGHT_HEAD 0x01u  /* magic, major, size */
#define RIGHT_SIZES 0x02u
#define RIGHT_KIND 0x04u  /* a phase with its table */
#define RIGHT_TEXTS 0x08u /* name, version, summary, license */
#define WILD 0xc0u /* both bits: it costs a process */

#define DESCRIPTOR_MOST 65536u
/* Whatever the sizes say, a walk over all that may be walked stays inside: 256 options of 64 KiB and what they point to. */
#define DESCRIPTOR_ROOM (DESCRIPTOR_MOST + 260u * 65536u + DESCRIPTOR_MOST)

static int32_t descriptor_run(const struct fb_call *c)
{
	(void)c;
	return FB_OK;
}

/* Rebases the pointer that stands at p. */
static void descriptor_rebase(unsigned char *room, unsigned char *p, size_t size)
{
	uint64_t v = 0;
	unsigned char *to;

	memcpy(&v, p, sizeof(void *));
	to = v && size ? room + v % size : NULL;
	memcpy(p, &to, sizeof(void *));
}

static void descriptor_rebase_options(unsigned char *room, struct fb_plugin *p, size_t size)
{
	static const size_t pointers[] = {offsetof(struct fb_option, name),  offsetof(struct fb_option, default_value), offsetof(struct fb_option, choices),
					  offsetof(struct fb_option, unit), offsetof(struct fb_option, alias),         offsetof(struct fb_option, summary)};
	size_t stride = p->sizes[FB_SIZE_OPTION], at = p->options ? (size_t)((const unsigned char *)p->options - room) : size;

	if (p->options && at < sizeof *p) { /* in the descriptor itself: its pointers would be rebased twice */
		p->options = NULL;
		return;
	}
	if (stride < sizeof(struct fb_option) || stride > 65536)
		return;
	for (int i = 0; i < 257 && at < size; i++, at += stride)
		for (size_t k = 0; k < sizeof pointers / sizeof *pointers; k++)
			descriptor_rebase(room, room + at + pointers[k], size);
}

/* Lives until the next. */
static const struct fb_plugin *descriptor_from(const unsigned char *data, size_t size)
{
	static const struct fb_phase_ops ops = {.run = descriptor_run};
	static const struct fb_plugin right = {
		.magic = FB_PLUGIN_MAGIC, .abi_major = FB_ABI_MAJOR, .struct_size = sizeof(struct fb_plugin), .kind = FB_KIND_PHASE,
		.sizes = {sizeof(struct fb_call), sizeof(struct fb_host), sizeof(struct fb_option), sizeof(struct fb_command), sizeof(struct fb_command_result), sizeof(struct fb_health),
			  sizeof(struct fb_wait), sizeof(struct fb_sample), sizeof(struct fb_event), sizeof(struct fb_phase_ops), sizeof(struct fb_strategy_ops), sizeof(struct fb_check_ops),
			  sizeof(struct fb_notifier_ops)},
		.name = "fuzz", .version = "1", .summary = "From bytes", .license = "Apache-2.0", .phase = &ops};
	static unsigned char *room;
	unsigned flags = size ? data[0] : 0;
	struct fb_plugin *p;

	if (!room)
		room = mmap(NULL, DESCRIPTOR_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	memset(room, 0, DESCRIPTOR_MOST + 256); /* nothing behind it is ever written */
	if (size > 1)
		memcpy(room, data + 1, size - 1 < DESCRIPTOR_MOST ? size - 1 : DESCRIPTOR_MOST);
	size = size > 1 ? size - 1 < DESCRIPTOR_MOST ? size - 1 : DESCRIPTOR_MOST : 0;
	p = (struct fb_plugin *)(void *)room;
	if (flags & RIGHT_SIZES)
		memcpy(p->sizes, right.sizes, sizeof p->sizes);
	if ((flags & WILD) != WILD) {
		for (size_t at = offsetof(struct fb_plugin, name); at < sizeof *p; at += sizeof(void *))
			descriptor_rebase(room, room + at, size);
		descriptor_rebase_options(room, p, size);
	}
	if (flags & RIGHT_HEAD) {
		p->magic = right.magic;
		p->abi_major = right.abi_major;
		p->struct_size = right.struct_size;
		p->needs_minor = 0;
	}
	if (flags & RIGHT_KIND) {
		p->kind = right.kind;
		p->phase = right.phase;
	}
	if (flags & RIGHT_TEXTS) {
		p->name = right.name;
		p->version = right.version;
		p->summary = right.summary;
		p->license = right.license;
	}
	return p;
}

#endif
