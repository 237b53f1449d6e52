/* SPDX-License-Identifier: Apache-2.0 */
/* failback backup list */
#include <string.h>

#include "base/clock.h"
#include "cli/backup/sets.h"
#include "cli/cli.h"
#include "cli/rows.h"

#define SERVICES_MOST 24 /* columns */

static bool is_wanted(const struct fb_cli *cli, const struct fb_set *set)
{
	const char *service = fb_cli_option(cli, "service"), *environment = cli->request.environment;

	return (!service || fb_set_has_service(set, service)) && (!environment || !*environment || fb_streq(set->environment, environment));
}

static enum fb_mark mark_of(const struct fb_set *set)
{
	if (!set->sealed)
		return set->known && !set->finished ? FB_MARK_RUN : FB_MARK_SKIP;
	if (set->problem || fb_set_digest(set) == FB_SET_DIFFERS)
		return FB_MARK_FAIL;
	return fb_set_digest(set) == FB_SET_AS_RECORDED ? FB_MARK_OK : FB_MARK_DOT;
}

/* To be freed. */
static char *services_text(const struct fb_set *set)
{
	struct fb_text all = {0};

	for (char **p = set->services; *p; p++)
		fb_text_printf(&all, "%s%s", all.n ? ", " : "", *p);
	return all.n ? fb_text_take(&all) : fb_strdup("-");
}

static int services_columns(const struct fb_sets *s)
{
	int most = 1;

	for (size_t i = 0; i < s->n; i++) {
		char *text = services_text(&s->v[i]);
		int width = fb_style_width(text);

		most = width > most ? width : most;
		fb_free(text);
	}
	return most < SERVICES_MOST ? most : SERVICES_MOST;
}

static void put_first_line(const struct fb_style *s, const struct fb_set *set, int columns, struct fb_text *t)
{
	enum fb_mark mark = mark_of(set);
	char at[FB_TIME_SIZE] = "-", size[FB_ROW_SIZE], stored[FB_ROW_SIZE];
	struct fb_text line = {0};

	if (set->created_ms) {
		fb_clock_format(set->created_ms, at);
		at[10] = ' ';
		at[19] = 0;
	}
	fb_style_put(s, &line, fb_style_mark_tone(mark), fb_style_mark(s, mark));
	fb_text_printf(&line, " %-19s  ", at);
	if (set->sealed && !set->problem) {
		char *services = services_text(set);

		fb_row_cell(s, &line, services, columns);
		fb_free(services);
		fb_text_printf(&line, " %3lld item%s %8s in %8s", (long long)set->items, set->items == 1 ? " " : "s", fb_row_size((uint64_t)set->size, size),
			       fb_row_size((uint64_t)set->stored, stored));
	} else if (!set->sealed) {
		fb_text_puts(&line, set->known && !set->finished ? "not sealed yet" : "never sealed: no backup");
	} else {
		fb_style_on(s, &line, FB_TONE_BAD);
		fb_text_puts(&line, "damaged: ");
		fb_style_safe(s, &line, set->problem);
		fb_style_off(s, &line);
	}
	fb_style_cut(s, t, line.p, s->width);
	fb_text_puts(t, "\n");
	fb_text_clear(&line);
}

/* "Deploy web, completed · encrypted · digest recorded" */
static void put_facts(const struct fb_style *s, const struct fb_set *set, struct fb_text *t)
{
	const char *between = s->utf8 ? " · " : ", ";
	struct fb_text line = {0};

	if (set->known)
		fb_text_printf(&line, "%s, %s", set->title ? set->title : set->kind, set->status);
	else
		fb_text_puts(&line, "the journal has no execution of it");
	if (set->sealed && !set->problem) {
		fb_text_printf(&line, "%s%s", between, set->encrypted ? "encrypted" : "not encrypted");
		if (fb_set_digest(set) != FB_SET_DIFFERS)
			fb_text_printf(&line, "%sdigest %s", between, fb_set_digest(set) == FB_SET_AS_RECORDED ? "recorded" : "not recorded");
	}
	fb_text_puts(t, "  ");
	fb_style_on(s, t, FB_TONE_DIM);
	fb_row_cell(s, t, line.p, s->width > 2 ? s->width - 2 : 0);
	fb_style_off(s, t);
	fb_text_puts(t, "\n");
	fb_text_clear(&line);
}

static void put_set(const struct fb_style *s, const struct fb_set *set, int columns, struct fb_text *t)
{
	char *needed = fb_set_needed_text(set);

	put_first_line(s, set, columns, t);
	fb_text_puts(t, "  ");
	fb_style_safe(s, t, set->id);
	fb_text_puts(t, "\n");
	put_facts(s, set, t);
	if (set->sealed && fb_set_digest(set) == FB_SET_DIFFERS) {
		fb_text_puts(t, "  ");
		fb_style_put(s, t, FB_TONE_BAD, "the manifest is not the one that was sealed: it was changed since, do not use it");
		fb_text_puts(t, "\n");
	}
	if (needed) {
		fb_text_puts(t, "  ");
		fb_style_on(s, t, FB_TONE_GOOD);
		fb_style_wrap(s, t, needed, 2);
		fb_style_off(s, t);
		fb_text_puts(t, "\n");
	}
	fb_free(needed);
}

static int put_none(struct fb_cli *cli, const struct fb_sets *s, struct fb_text *t)
{
	const char *service = fb_cli_option(cli, "service");

	if (!s->encryption)
		fb_text_printf(t, "no backups yet: there is no store in %s; the phase backup of a deployment makes it\n", fb_config_backup_store(cli->config)->path);
	else if (s->n && service)
		fb_text_printf(t, "no backup of service '%s'\n", service);
	else
		fb_text_puts(t, s->n ? "no backup of this environment\n" : "no backups\n");
	return fb_cli_print(cli, t, FB_EXIT_DONE);
}

int fb_cmd_backup_list(struct fb_cli *cli)
{
	json_t *list = json_array();
	struct fb_text t = {0};
	struct fb_sets s;
	int code = fb_sets_read(cli, FB_JOURNAL_READ, &s);

	for (size_t i = 0; code == 0 && i < s.n; i++) {
		if (!is_wanted(cli, &s.v[i]))
			continue;
		if (cli->json)
			json_array_append_new(list, fb_set_json(&s.v[i]));
		else
			put_set(&cli->out, &s.v[i], services_columns(&s), &t);
	}
	if (code == 0 && cli->json)
		code = fb_cli_print_json(cli, json_pack("{s:s, s:s, s:s?, s:O}", "schema", "failback.backups/1", "store", fb_config_backup_store(cli->config)->path, "encryption",
						       s.encryption, "sets", list), FB_EXIT_DONE);
	else if (code == 0)
		code = t.n ? fb_cli_print(cli, &t, FB_EXIT_DONE) : put_none(cli, &s, &t);
	json_decref(list);
	fb_sets_clear(&s);
	return code;
}
