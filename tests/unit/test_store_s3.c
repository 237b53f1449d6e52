/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of requests, by the examples that Amazon publishes ("Signature Calculations for the Authorization Header", Amazon S3 API Reference), and answers in XML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "store/s3_sign.h"
#include "store/s3_xml.h"

#define STAMP "20130524T000000Z"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST "examplebucket.s3.amazonaws.com"

static const struct fb_s3_keys keys = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1"};

static void expect_signature(const struct fb_s3_request *q, const char *names, const char *signature)
{
	char *is = fb_s3_sign(q, &keys, STAMP);
	char *should = fb_asprintf("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=%s,Signature=%s", names, signature);

	assert_string_equal(is, should);
	fb_free(is);
	fb_free(should);
}

static void the_published_get_of_an_object_is_signed_as_published(void **state)
{
	const struct fb_s3_header h[] = {{"host", HOST}, {"range", "bytes=0-9"}, {"x-amz-content-sha256", NOTHING}, {"x-amz-date", STAMP}};

	(void)state;
	expect_signature(&(struct fb_s3_request){"GET", "/test.txt", "", h, 4, NOTHING}, "host;range;x-amz-content-sha256;x-amz-date",
			 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void the_published_put_of_an_object_is_signed_as_published(void **state)
{
	struct fb_text path = {0};
	char payload[FB_S3_HASH];
	const struct fb_s3_header h[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"host", HOST}, {"x-amz-content-sha256", payload}, {"x-amz-date", STAMP}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};

	(void)state;
	fb_s3_hash("Welcome to Amazon S3.", 21, payload);
	assert_string_equal(payload, "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
	fb_s3_encode(&path, "/test$file.text", true);
	assert_string_equal(path.p, "/test%24file.text");
	expect_signature(&(struct fb_s3_request){"PUT", path.p, "", h, 5, payload}, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
			 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
	fb_text_clear(&path);
}

static void the_published_requests_with_queries_are_signed_as_published(void **state)
{
	const struct fb_s3_header h[] = {{"host", HOST}, {"x-amz-content-sha256", NOTHING}, {"x-amz-date", STAMP}};

	(void)state;
	expect_signature(&(struct fb_s3_request){"GET", "/", "lifecycle=", h, 3, NOTHING}, "host;x-amz-content-sha256;x-amz-date",
			 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	expect_signature(&(struct fb_s3_request){"GET", "/", "max-keys=2&prefix=J", h, 3, NOTHING}, "host;x-amz-content-sha256;x-amz-date",
			 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void what_is_not_unreserved_is_encoded(void **state)
{
	struct fb_text t = {0};

	(void)state;
	fb_s3_encode(&t, "a-b_c.d~e/f g+h=i&\xc3\xa9", false);
	assert_string_equal(t.p, "a-b_c.d~e%2Ff%20g%2Bh%3Di%26%C3%A9");
	fb_text_clear(&t);
}

static int note(void *ctx, const char *path, const char *text, struct fb_err *err)
{
	(void)err;
	fb_text_printf(ctx, "%s=%s\n", path, text ? text : "(end)");
	return 0;
}

static char *leaves(const char *xml)
{
	struct fb_text t = {0};
	struct fb_err err = {0};

	if (fb_s3_xml_read(xml, strlen(xml), note, &t, &err) < 0) {
		fb_text_clear(&t);
		return fb_asprintf("error: %s", err.text);
	}
	return fb_text_take(&t);
}

static void expect_leaves(const char *xml, const char *should)
{
	char *is = leaves(xml);

	if (should)
		assert_string_equal(is, should);
	else
		assert_memory_equal(is, "error: ", 7);
	fb_free(is);
}

static void answers_are_read_as_leaves(void **state)
{
	(void)state;
	expect_leaves("<?xml version=\"1.0\"?>\n<!-- x --><R a='>'><K>a&amp;b&#x41;&#233;</K><E/><C><K> x </K></C></R>\n", "R/K=a&bA\xc3\xa9\nR/E=\nR/C/K= x \nR/C=(end)\nR=(end)\n");
	expect_leaves("\xef\xbb\xbf<R></R>", "R=\n");
}

static void answers_that_are_not_whole_or_not_plain_are_refused(void **state)
{
	static const char *const bad[] = {"", "<R>", "<R><K></R></K>", "<R></R><S></S>", "<R></R>x", "x<R></R>", "<!DOCTYPE R><R></R>", "<R>&x;</R>", "<R>&#0;</R>", "<R>&#xd800;</R>", "<R>&#99999999;</R>",
					  "<R", "<R a='", "<R><!-- </R>", "<>", "</R>", "<a><a><a><a><a><a><a><a><a><a><a><a><a>", "<R a<b></R>", "<R>&#x;</R>", NULL};

	(void)state;
	for (const char *const *p = bad; *p; p++)
		expect_leaves(*p, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_get_of_an_object_is_signed_as_published),
		cmocka_unit_test(the_published_put_of_an_object_is_signed_as_published),
		cmocka_unit_test(the_published_requests_with_queries_are_signed_as_published),
		cmocka_unit_test(what_is_not_unreserved_is_encoded),
		cmocka_unit_test(answers_are_read_as_leaves),
		cmocka_unit_test(answers_that_are_not_whole_or_not_plain_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
