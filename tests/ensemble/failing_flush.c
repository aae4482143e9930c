/* Preloaded into a member: while the file that FLUSHES_FAIL names exists, the disk loses what it is told to keep. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(void) {
    const char *file = getenv("FLUSHES_FAIL");
    return file && access(file, F_OK) == 0;
}

int fdatasync(int fd) {
    if (fails()) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    if (fails()) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
