/* SPDX-License-Identifier: Apache-2.0 */
/* Facts in files of lines "key=value": those that earlier links left (FAILBACK_FACTS), those that a command leaves (FAILBACK_FACTS_OUT). */
#ifndef FB_PLUGINS_COMMAND_FACTS_H
#define FB_PLUGINS_COMMAND_FACTS_H

#include "failback/plugin.h"

/* A new empty file in the execution's scratch directory, to be freed after facts_remove; NULL when there is no such directory (logged). */
char *facts_make(const struct fb_call *call);
/* The same, with the execution's facts so far in it. */
char *facts_make_known(const struct fb_call *call);
/* Records each line as a fact of the execution; what is no fact is logged and left out. 0, or -1 when a fact could not be recorded. */
int facts_record(const struct fb_call *call, const char *path);
/* Removes the file and frees path. Takes NULL. */
void facts_remove(char *path);

#endif
