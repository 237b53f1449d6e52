/* SPDX-License-Identifier: Apache-2.0 */
/* A database file: a consistent copy of it, whether a copy is sound, how many rows it has, and putting another in its place. Knows nothing of backups. */
#ifndef FB_STRATEGIES_SQLITE_DATABASE_H
#define FB_STRATEGIES_SQLITE_DATABASE_H

#include <jansson.h>
#include <stdbool.h>

#include "failback/plugin.h"

#define DATABASE_TEXT 600

/*
 * All of the database in from, as it is at one moment, into the new file to, which gets its mode and owner; others may write to it meanwhile. 0; -1: text says why.
 * The call tells how far it is, and when to stop.
 */
int database_copy(const struct fb_call *call, const char *from, const char *to, int64_t lock_ms, char text[DATABASE_TEXT]);
/* Is a file that nobody has open sound, by its structure? 0; -1: text says what is wrong. quick: without comparing indexes with tables. */
int database_check(const char *file, bool quick, char text[DATABASE_TEXT]);
/* How many rows refer to something that is not there: 0 or more, text names a table; -1: text says why that is not known. */
int64_t database_strays(const char *file, char text[DATABASE_TEXT]);
/* {table: rows} of a file that nobody has open; NULL: text says why that is not known. */
json_t *database_rows(const char *file, char text[DATABASE_TEXT]);

/*
 * The sound file new in the place of the database: a copy beside it, synced, renamed. What was there is kept as "<database>.replaced". 0; -1: the database is as it
 * was, or (text says so) whole and the new one.
 */
int database_replace(const struct fb_call *call, const char *database, const char *new, int64_t lock_ms, char text[DATABASE_TEXT]);
/* The content of new into the database, as one transaction, while others have it open. 0; -1: it is as it was. */
int database_overwrite(const struct fb_call *call, const char *database, const char *new, int64_t lock_ms, char text[DATABASE_TEXT]);

#endif
