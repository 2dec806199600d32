/* picture.h - a field of numbers as a coloured picture file, for the examples. */
#ifndef WEFT_EXAMPLES_PICTURE_H
#define WEFT_EXAMPLES_PICTURE_H

#ifdef HAVE_LIBPNG
#define PICTURE_DEFAULT "heat.png"
#else
#define PICTURE_DEFAULT "heat.ppm"
#endif

/* values[height * width] from low (black) over red and yellow to high (white), as PNG, or as PPM where
 * libpng is missing. 0, or -1 with errno. */
int picture_write(const char *file, const double *values, int width, int height, double low, double high);

#endif
