# SPDX-License-Identifier: Apache-2.0
# From today's failback/plugin.h, one of a next minor that is not: every struct has more members at its end. With it the tests prove, before there is a
# second release, that old plugins meet new hosts and new plugins old hosts.
/^#define FB_ABI_MINOR / { $3 = ($3 + 1) "u"; print; print "#define FB_NEXT 1"; next }
/^struct fb_[a-z_]+ \{$/ { name = $2 }
/^};$/ && name {
	if (name == "fb_host")
		print "\tint32_t (*next_service)(const struct fb_call *call, const char *text);"
	else if (name ~ /_ops$/)
		print "\tint32_t (*next_operation)(const struct fb_call *call);"
	else
		print "\tint64_t next_number;\n\tconst char *next_text;\n\tint64_t next_more[5];"
	name = ""
}
{ print }
