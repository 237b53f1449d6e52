/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/err.h"

int main(void)
{
	puts("failback " PACKAGE_VERSION);
	return FB_EXIT_DONE;
}
