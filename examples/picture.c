/* picture.c - see picture.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "picture.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef HAVE_LIBPNG
#include <png.h>
#endif

static uint8_t level(double t)
{
	return (uint8_t)(t <= 0.0 ? 0.0 : t >= 1.0 ? 255.0 : 255.0 * t + 0.5);
}

static void colour(double t, uint8_t rgb[static 3])
{
	rgb[0] = level(3.0 * t);
	rgb[1] = level(3.0 * t - 1.0);
	rgb[2] = level(3.0 * t - 2.0);
}

#ifdef HAVE_LIBPNG
static int write_file(const char *file, const uint8_t *rgb, int width, int height)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
	                   .width = (png_uint_32)width,
	                   .height = (png_uint_32)height,
	                   .format = PNG_FORMAT_RGB};

	errno = 0;
	if (png_image_write_to_file(&image, file, 0, rgb, 0, NULL))
		return 0;
	if (errno == 0)
		errno = EIO;
	return -1;
}
#else
static int write_file(const char *file, const uint8_t *rgb, int width, int height)
{
	size_t nbytes = (size_t)width * height * 3;
	FILE *f = fopen(file, "wb");

	if (f == NULL)
		return -1;
	fprintf(f, "P6\n%d %d\n255\n", width, height);
	int whole = fwrite(rgb, 1, nbytes, f) == nbytes;
	return fclose(f) == 0 && whole ? 0 : -1;
}
#endif

int picture_write(const char *file, const double *values, int width, int height, double low, double high)
{
	size_t npixels = (size_t)width * height;
	uint8_t *rgb = malloc(npixels * 3);

	if (rgb == NULL)
		return -1;
	for (size_t i = 0; i < npixels; i++)
		colour((values[i] - low) / (high - low), rgb + 3 * i);
	int rc = write_file(file, rgb, width, height);
	free(rgb);
	return rc;
}
