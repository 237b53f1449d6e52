/* SPDX-License-Identifier: Apache-2.0 */
/* dlopen and the first words with a plugin. Its constructors run here: the process may not survive this, and the engine tells why. */
#include "host/load.h"

#include <dlfcn.h>
#include <string.h>

#include "host/abi.h"
#include "host/children.h"
#include "host/elf.h"

int fb_load(const char *path, const char *kind, const char *name, struct fb_loaded *ret, struct fb_err *err)
{
	const struct fb_plugin *theirs;
	fb_plugin_entry_fn entry;
	void *library, *symbol;

	ret->stage = "load";
	if (fb_elf_check_file(path, FB_ENTRY, err) < 0)
		return -1;
	dlerror();
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		const char *why = dlerror();

		return fb_err_set(err, FB_EXIT_PLUGIN, "%s cannot be loaded: %s; link it with every library that it needs (-Wl,-z,defs finds what is missing)", path,
				  why ? why : "the loader gave no reason");
	}
	symbol = dlsym(library, FB_ENTRY);
	if (!symbol)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s does not export %s: write FB_PLUGIN(…) of <failback/plugin.h> in it, once, at file scope", path, FB_ENTRY);
	memcpy(&entry, &symbol, sizeof entry); /* ISO C knows no cast from object to function pointer */
	theirs = entry(FB_ABI_MAJOR << 16 | fb_abi_minor);
	if (fb_descriptor_take(theirs, path, kind, name, ret, err) < 0)
		return -1;
	ret->stage = "load";
	/* Workers are forked from here, which is safe from one thread only. */
	if (fb_child_threads() > 1)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s has started a thread while it was loaded: start threads in operations, never in constructors or in %s", path, FB_ENTRY);
	if (fb_children(&(pid_t){0}, 1) > 0)
		return fb_err_set(err, FB_EXIT_PLUGIN, "%s has started a process while it was loaded: start processes in operations, never in constructors or in %s", path, FB_ENTRY);
	return 0;
}
