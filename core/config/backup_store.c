/* SPDX-License-Identifier: Apache-2.0 */
/* The group backup_store: where backup sets are kept, how they are encrypted and how long. Knows nothing of the store itself. */
#include <string.h>

#include "base/mem.h"
#include "config/internal.h"
#include "config/read.h"

#define GROUP "backup_store"

static const char *const members[] = {"path", "encryption", "key_file", "passphrase_file", "retention_days", "keep_last", "max_size", "copies", NULL};
static const char *const encryptions[] = {"secrets", "all", "none", NULL};

static const struct fb_node *at(struct fb_config *c, struct fb_errs *errs, const char *name)
{
	return fb_settings_at(c, errs, GROUP, name);
}

static char *take_path(const struct fb_node *node, struct fb_errs *errs)
{
	const char *s = NULL;

	if (!node || !fb_read_path(errs, node, &s))
		return NULL;
	return fb_strdup(s);
}

static void take_key(struct fb_config *c, struct fb_backup_store *s, struct fb_errs *errs)
{
	const struct fb_node *key = at(c, errs, "key_file"), *passphrase = at(c, errs, "passphrase_file");

	if (key && passphrase) {
		char *place = fb_node_place(key);

		fb_node_error(errs, passphrase, "'key_file' is set too, at %s: a store is opened by one of them, so remove the other", place);
		fb_free(place);
	}
	s->key_file = take_path(key, errs);
	s->passphrase_file = take_path(passphrase, errs);
	if (!key && !passphrase && strcmp(s->encryption, "none") != 0)
		s->key_file = fb_asprintf("%s/backup.key", c->state_dir);
}

void fb_backup_store_read(struct fb_config *c, struct fb_errs *errs)
{
	struct fb_backup_store *s = &c->backup_store;
	const struct fb_node *node;

	*s = (struct fb_backup_store){.encryption = "secrets", .retention_days = 30, .keep_last = 5};
	for (size_t i = 0; i < c->tree_count; i++) {
		node = fb_node_member(&c->trees[i]->root, GROUP);
		if (node && fb_read_group(errs, node))
			fb_read_known(errs, node, members);
	}
	s->path = take_path(at(c, errs, "path"), errs);
	if (!s->path)
		s->path = fb_asprintf("%s/backups", c->state_dir);
	if ((node = at(c, errs, "encryption")))
		(void)fb_read_choice(errs, node, encryptions, &s->encryption);
	take_key(c, s, errs);
	if ((node = at(c, errs, "retention_days")))
		(void)fb_read_int(errs, node, 0, 36500, &s->retention_days);
	if ((node = at(c, errs, "keep_last")))
		(void)fb_read_int(errs, node, 1, 1000000, &s->keep_last);
	if ((node = at(c, errs, "max_size")))
		(void)fb_read_size(errs, node, false, 1048576, INT64_C(1) << 60, &s->max_size);
	s->copies = fb_copies_read(at(c, errs, "copies"), errs);
	c->settings.backup_store = s;
}

void fb_backup_store_clear(struct fb_config *c)
{
	fb_free(c->backup_store.path);
	fb_free(c->backup_store.key_file);
	fb_free(c->backup_store.passphrase_file);
	json_decref(c->backup_store.copies);
}

json_t *fb_backup_store_json(const struct fb_backup_store *s)
{
	return json_pack("{s:s, s:s, s:s?, s:s?}", "path", s->path, "encryption", s->encryption, "key_file", s->key_file, "passphrase_file", s->passphrase_file);
}
