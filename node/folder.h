/* folder.h - removing a folder of the VM with all that is in it. */
#ifndef WEFT_NODE_FOLDER_H
#define WEFT_NODE_FOLDER_H

/* Empties the folder behind the descriptor, its folders included, following no link; what can't be removed
 * stays. Files called `keep` (NULL: none) at the top stay. */
void folder_empty(int dirfd, const char *keep);

#endif
