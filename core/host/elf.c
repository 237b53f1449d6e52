/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded reader of .dynsym (System V ABI, chapter 4; elf(5)), of this machine's own class and byte order only. Every offset comes from
 * the file and is checked against its size before use; nothing is assumed to be aligned.
 */
#include "host/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if __ELF_NATIVE_CLASS == 64
#define NATIVE_CLASS ELFCLASS64
#define BITS 64
#define SYMBOL_BIND ELF64_ST_BIND
#define SYMBOL_TYPE ELF64_ST_TYPE
#define SYMBOL_VISIBILITY ELF64_ST_VISIBILITY
#else
#define NATIVE_CLASS ELFCLASS32
#define BITS 32
#define SYMBOL_BIND ELF32_ST_BIND
#define SYMBOL_TYPE ELF32_ST_TYPE
#define SYMBOL_VISIBILITY ELF32_ST_VISIBILITY
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ORDER ELFDATA2LSB
#else
#define NATIVE_ORDER ELFDATA2MSB
#endif
#if defined(__x86_64__)
#define NATIVE_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE EM_AARCH64
#elif defined(__i386__)
#define NATIVE_MACHINE EM_386
#elif defined(__arm__)
#define NATIVE_MACHINE EM_ARM
#elif defined(__riscv)
#define NATIVE_MACHINE EM_RISCV
#endif

#define SECTIONS_MAX 4096u
#define SYMBOLS_MAX (1u << 20)

struct image {
	const unsigned char *p;
	size_t size;
};

/* Copies n bytes from offset; false when they are not all there. */
static bool get(const struct image *f, uint64_t offset, void *ret, size_t n)
{
	if (offset > f->size || f->size - offset < n)
		return false;
	memcpy(ret, f->p + offset, n);
	return true;
}

static bool name_is(const struct image *f, const ElfW(Shdr) *strings, uint64_t name, const char *symbol)
{
	size_t n = strlen(symbol) + 1;
	uint64_t offset = (uint64_t)strings->sh_offset + name;

	if (name > strings->sh_size || strings->sh_size - name < n || offset < name || offset > f->size || f->size - offset < n)
		return false;
	return memcmp(f->p + offset, symbol, n) == 0;
}

static bool is_exported(const ElfW(Sym) *s)
{
	unsigned bind = SYMBOL_BIND(s->st_info), type = SYMBOL_TYPE(s->st_info), visibility = SYMBOL_VISIBILITY(s->st_other);

	return s->st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK) && (type == STT_FUNC || type == STT_NOTYPE || type == STT_GNU_IFUNC) &&
	       (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

/* 1: found, 0: not there, -1: the table lies. */
static int search_table(const struct image *f, const ElfW(Shdr) *table, const ElfW(Shdr) *strings, const char *symbol)
{
	uint64_t count;

	if (table->sh_entsize != sizeof(ElfW(Sym)))
		return -1;
	count = table->sh_size / sizeof(ElfW(Sym));
	if (count > SYMBOLS_MAX)
		return -1;
	for (uint64_t i = 0; i < count; i++) {
		ElfW(Sym) s;

		if (table->sh_offset > f->size || !get(f, table->sh_offset + i * sizeof s, &s, sizeof s))
			return -1;
		if (is_exported(&s) && name_is(f, strings, s.st_name, symbol))
			return 1;
	}
	return 0;
}

static int search(const struct image *f, const ElfW(Ehdr) *h, const char *symbol)
{
	if (h->e_shentsize != sizeof(ElfW(Shdr)) || h->e_shnum == 0 || h->e_shnum > SECTIONS_MAX || h->e_shoff > f->size)
		return -1;
	for (unsigned i = 0; i < h->e_shnum; i++) {
		ElfW(Shdr) table, strings;

		if (!get(f, h->e_shoff + (uint64_t)i * sizeof table, &table, sizeof table))
			return -1;
		if (table.sh_type != SHT_DYNSYM)
			continue;
		if (table.sh_link >= h->e_shnum || !get(f, h->e_shoff + (uint64_t)table.sh_link * sizeof strings, &strings, sizeof strings) ||
		    strings.sh_type != SHT_STRTAB)
			return -1;
		return search_table(f, &table, &strings, symbol);
	}
	return 0;
}

int fb_elf_check(const void *data, size_t size, const char *path, const char *symbol, struct fb_err *err)
{
	struct image f = {.p = data, .size = size};
	ElfW(Ehdr) h;
	int r;

	if (size < EI_NIDENT || memcmp(data, ELFMAG, SELFMAG) != 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s is not a shared object (it does not begin as an ELF file does): build it with cc -shared -fPIC", path);
	if (f.p[EI_CLASS] != NATIVE_CLASS || f.p[EI_DATA] != NATIVE_ORDER)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s was built for another machine (%s-bit, failback here is %d-bit): build it on this system", path,
				  f.p[EI_CLASS] == ELFCLASS64   ? "64"
				  : f.p[EI_CLASS] == ELFCLASS32 ? "32"
								: "?",
				  BITS);
	if (!get(&f, 0, &h, sizeof h))
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s is cut short: copy or build it again", path);
#ifdef NATIVE_MACHINE
	if (h.e_machine != NATIVE_MACHINE)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s was built for another machine (ELF machine %u, failback here is %d): build it on this system", path,
				  (unsigned)h.e_machine, NATIVE_MACHINE);
#endif
	if (h.e_type != ET_DYN)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s is an ELF file but not a shared object (type %u): build it with cc -shared -fPIC", path, (unsigned)h.e_type);
	r = search(&f, &h, symbol);
	if (r < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s is damaged: its table of exported symbols cannot be read; copy or build it again", path);
	if (r == 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s does not export %s: write FB_PLUGIN(…) of <failback/plugin.h> in it, once, at file scope", path, symbol);
	return 0;
}

int fb_elf_check_file(const char *path, const char *symbol, struct fb_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;
	void *data;

	if (fd < 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot open %s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s is not a regular file: put the plugin itself there", path);
	}
	if (st.st_size == 0) {
		close(fd);
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s is empty: copy or build it again", path);
	}
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return fb_err_set(err, FB_EXIT_PLUGIN, "cannot read %s: %s", path, strerror(errno));
	r = fb_elf_check(data, (size_t)st.st_size, path, symbol, err);
	munmap(data, (size_t)st.st_size);
	return r;
}
