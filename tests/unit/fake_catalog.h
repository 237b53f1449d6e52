/* SPDX-License-Identifier: Apache-2.0 */
/* Plugins as the catalog would describe them, without any host: for tests and fuzz targets of the configuration. */
#ifndef TESTS_FAKE_CATALOG_H
#define TESTS_FAKE_CATALOG_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"

static const char fake_descriptors[] =
	"["
	"{'kind':'phase','name':'command','operations':['run'],'features':[],'options':["
	" {'name':'run','type':'command','required':true,'summary':'The command'},"
	" {'name':'environment','type':'map','summary':'Variables'},"
	" {'name':'directory','type':'path','summary':'Where it runs'}]},"
	"{'kind':'phase','name':'promote','operations':['run'],'features':[],'options':["
	" {'name':'checks','type':'bool','default':'true','summary':'Probe the checks'}]},"
	"{'kind':'phase','name':'verify','operations':['run'],'features':[],'options':["
	" {'name':'stable_for','type':'duration','default':'3s','unit':'s','min':0,'max':86400000,'summary':'Stability window'}]},"
	"{'kind':'phase','name':'watch','operations':['run'],'features':[],'options':["
	" {'name':'for','type':'duration','default':'30s','unit':'s','min':0,'max':604800000,'summary':'How long'}]},"
	"{'kind':'phase','name':'protect-traffic','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'restore','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'cleanup','operations':['run'],'features':[],'options':["
	" {'name':'preserve_failed_environment','type':'bool','default':'true','summary':'Keep what failed'}]},"
	"{'kind':'phase','name':'analyze','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'recommend','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'archive','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'notify','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'backup','operations':['run'],'features':[],'options':[]},"
	"{'kind':'phase','name':'bad-default','operations':['run'],'features':[],'options':["
	" {'name':'size','type':'int','default':'many','summary':'A size'}]},"
	"{'kind':'phase','name':'types','operations':['run'],'features':[],'options':["
	" {'name':'string','type':'string','summary':'s'},"
	" {'name':'int','type':'int','min':1,'max':10,'summary':'s'},"
	" {'name':'wide','type':'int','summary':'s'},"
	" {'name':'bool','type':'bool','summary':'s'},"
	" {'name':'duration','type':'duration','min':1000,'max':60000,'summary':'s'},"
	" {'name':'seconds','type':'duration','unit':'s','summary':'s'},"
	" {'name':'size','type':'size','min':0,'max':1048576,'summary':'s'},"
	" {'name':'bytes','type':'size','unit':'bytes','summary':'s'},"
	" {'name':'choice','type':'choice','choices':['red','green'],'summary':'s'},"
	" {'name':'command','type':'command','summary':'s'},"
	" {'name':'list','type':'list','default':'[ \\\"a\\\", \\\"b\\\" ]','summary':'s'},"
	" {'name':'map','type':'map','summary':'s'},"
	" {'name':'url','type':'url','summary':'s'},"
	" {'name':'path','type':'path','summary':'s'},"
	" {'name':'float','type':'float','min':500000,'max':2500000,'summary':'s'},"
	" {'name':'percent','type':'percent','summary':'s'},"
	" {'name':'token','type':'string','secret':true,'alias':'api_key','summary':'s'},"
	" {'name':'timeout','type':'string','summary':'clashes with the link member'},"
	" {'name':'items','type':'groups','summary':'s'},"
	" {'name':'items[].path','type':'path','required':true,'summary':'the path of it'},"
	" {'name':'items[].mode','type':'string','default':'0644','summary':'s'}]},"
	"{'kind':'strategy','name':'blue-green','operations':['check','state','capture','prove','prepare','shift','protect','restore','verify','cleanup'],"
	" 'features':['zero-downtime'],'options':["
	" {'name':'backend','type':'string','required':true,'summary':'The load balancer\\u0027s backend'},"
	" {'name':'blue.server','type':'string','required':true,'summary':'Name of the blue server'},"
	" {'name':'green.server','type':'string','default':'green','summary':'Name of the green server'},"
	" {'name':'drain_timeout','type':'duration','default':'5s','summary':'Time to drain'}]},"
	"{'kind':'strategy','name':'immediate','operations':['state','restore'],'features':[],'options':["
	" {'name':'deploy','type':'command','summary':'Puts the release in place'}]},"
	"{'kind':'strategy','name':'looker','operations':['state'],'features':['zero-downtime'],'options':[]},"
	"{'kind':'check','name':'http','operations':['probe'],'features':[],'options':["
	" {'name':'url','type':'url','required':true,'summary':'What to get'},"
	" {'name':'expected_status','type':'int','default':'200','min':100,'max':599,'summary':'The status that is healthy'},"
	" {'name':'headers','type':'map','secret':true,'summary':'Request headers'}]},"
	"{'kind':'notifier','name':'console','operations':['notify'],'features':[],'options':[]},"
	"{'kind':'notifier','name':'slack','operations':['notify'],'features':[],'options':["
	" {'name':'webhook_url','type':'url','required':true,'secret':true,'summary':'The webhook'}]},"
	"{'kind':'notifier','name':'email','operations':['notify'],'features':[],'options':["
	" {'name':'host','type':'string','required':true,'summary':'The server'},"
	" {'name':'user','type':'string','summary':'Who'},"
	" {'name':'password','type':'string','secret':true,'summary':'The password'},"
	" {'name':'recipients','type':'list','required':true,'summary':'To whom'}]},"
	"{'kind':'notifier','name':'pagerduty','operations':['notify'],'features':[],'options':["
	" {'name':'routing_key','type':'string','required':true,'secret':true,'alias':'api_key','summary':'The key'}]}"
	"]";

static json_t *fake_list;
static char fake_expected[4096]; /* "kind-name " of all that expect was told, in order, until the first describe */
static int fake_described;

/* Frees what fake_describe made. */
static void fake_clear(void)
{
	json_decref(fake_list);
	fake_list = NULL;
	fake_expected[0] = 0;
	fake_described = 0;
}

static json_t *fake_plugins(void)
{
	char *text;

	if (fake_list)
		return fake_list;
	text = fb_strdup(fake_descriptors);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	fake_list = json_loads(text, 0, NULL);
	if (!fake_list)
		abort();
	fb_free(text);
	return fake_list;
}

static void fake_expect(void *ctx, const char *kind, const char *name)
{
	size_t n = strlen(fake_expected);

	(void)ctx;
	if (!fake_described)
		snprintf(fake_expected + n, sizeof fake_expected - n, "%s-%s ", kind, name);
}

static const json_t *fake_describe(void *ctx, const char *kind, const char *name, struct fb_err *err)
{
	const json_t *item;
	size_t i;

	(void)ctx;
	fake_described++;
	json_array_foreach(fake_plugins(), i, item)
		if (fb_streq(json_string_value(json_object_get(item, "kind")), kind) && fb_streq(json_string_value(json_object_get(item, "name")), name))
			return item;
	fb_err_set(err, FB_EXIT_PLUGIN, "there is no %s plugin '%s'", kind, name);
	return NULL;
}

static const char *const *fake_names(void *ctx, const char *kind)
{
	static const char *names[64];
	const json_t *item;
	size_t i, n = 0;

	(void)ctx;
	json_array_foreach(fake_plugins(), i, item)
		if (fb_streq(json_string_value(json_object_get(item, "kind")), kind))
			names[n++] = json_string_value(json_object_get(item, "name"));
	names[n] = NULL;
	return names;
}

static bool fake_has(void *ctx, const char *kind, const char *name)
{
	for (const char *const *p = fake_names(ctx, kind); *p; p++)
		if (strcmp(*p, name) == 0)
			return true;
	return false;
}

static const struct fb_catalog_fn fake_catalog = {.expect = fake_expect, .describe = fake_describe, .names = fake_names, .has = fake_has};

#endif
