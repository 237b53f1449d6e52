/* SPDX-License-Identifier: Apache-2.0 */
#include "store/names.h"

#include "base/mem.h"

#define MOST 100000

struct fb_name {
	dev_t dev;
	ino_t ino;
	char *path;
	bool told;
	uint64_t size, stored;
	struct fb_oid object;
};

static size_t place(const struct fb_names *v, dev_t dev, ino_t ino)
{
	size_t i = (size_t)(((uint64_t)ino * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)dev * UINT64_C(0xc2b2ae3d27d4eb4f)) >> 20) & (v->room - 1);

	while (v->slots[i] && (v->slots[i]->dev != dev || v->slots[i]->ino != ino))
		i = (i + 1) & (v->room - 1);
	return i;
}

static void grow(struct fb_names *v)
{
	struct fb_names larger = {.n = v->n, .room = v->room ? v->room * 2 : 64};

	larger.slots = fb_alloc(larger.room * sizeof *larger.slots);
	for (size_t i = 0; i < v->room; i++)
		if (v->slots[i])
			larger.slots[place(&larger, v->slots[i]->dev, v->slots[i]->ino)] = v->slots[i];
	fb_free(v->slots);
	*v = larger;
}

struct fb_name *fb_names_meet(struct fb_names *v, dev_t dev, ino_t ino, const char *path, const char **ret_first)
{
	struct fb_name *name;
	size_t i;

	if (v->n * 2 >= v->room)
		grow(v);
	i = place(v, dev, ino);
	if (v->slots[i]) {
		*ret_first = v->slots[i]->path;
		return v->slots[i];
	}
	*ret_first = NULL;
	if (v->n == MOST)
		return NULL;
	name = fb_alloc(sizeof *name);
	name->dev = dev;
	name->ino = ino;
	name->path = fb_strdup(path);
	v->slots[i] = name;
	v->n++;
	return name;
}

void fb_names_tell(struct fb_name *name, const struct fb_entry *e)
{
	name->told = true;
	name->size = e->size;
	name->stored = e->stored;
	name->object = e->object;
}

int fb_names_ask(const struct fb_name *name, struct fb_entry *e)
{
	if (!name->told)
		return -1;
	e->size = name->size;
	e->stored = 0; /* counted with the first */
	e->object = name->object;
	return 0;
}

void fb_names_clear(struct fb_names *v)
{
	for (size_t i = 0; i < v->room; i++)
		if (v->slots[i]) {
			fb_free(v->slots[i]->path);
			fb_free(v->slots[i]);
		}
	fb_free(v->slots);
	*v = (struct fb_names){0};
}
