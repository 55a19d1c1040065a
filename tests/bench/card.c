/* A modelled SD card: a FUSE file (`disk`) in memory that answers as slowly as a card does, one command at a time.
 *
 *   card MOUNTPOINT MIB STATE
 *
 * STATE is a file of 8 numbers of 64 bits that the measuring program maps, too: the first three it sets (microseconds
 * of a write, nanoseconds of a kilobyte written, microseconds of a flush), the next three count (writes, bytes written,
 * flushes). A flush with nothing written since the last one costs nothing and is not counted. A loop device with ext4
 * on `disk` gives every program on it the same card. */
#define FUSE_USE_VERSION 35
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { WRITE_US, KB_NS, FLUSH_US, WRITES, BYTES, FLUSHES, NUMBERS = 8 };
static volatile uint64_t *state;
static char *disk;
static off_t disk_bytes;
static int unflushed;

static void pass(uint64_t ns)
{
    struct timespec end;
    if (ns == 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &end);
    ns += (uint64_t)end.tv_nsec;
    end.tv_sec += (time_t)(ns / 1000000000u);
    end.tv_nsec = (long)(ns % 1000000000u);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
    }
}

static struct stat attributes(fuse_ino_t ino)
{
    struct stat a;
    memset(&a, 0, sizeof a);
    a.st_ino = ino;
    a.st_nlink = 1;
    a.st_mode = ino == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0600;
    a.st_size = ino == FUSE_ROOT_ID ? 0 : disk_bytes;
    return a;
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry;
    if (parent != FUSE_ROOT_ID || strcmp(name, "disk") != 0) {
        fuse_reply_err(req, ENOENT);
        return;
    }
    memset(&entry, 0, sizeof entry);
    entry.ino = 2;
    entry.attr = attributes(2);
    entry.attr_timeout = entry.entry_timeout = 3600;
    fuse_reply_entry(req, &entry);
}

static void on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    struct stat a = attributes(ino);
    (void)file;
    fuse_reply_attr(req, &a, 3600);
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *wanted, int which, struct fuse_file_info *file)
{
    (void)wanted, (void)which;
    on_getattr(req, ino, file);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
    (void)ino;
    file->direct_io = 1;
    fuse_reply_open(req, file);
}

static void on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at, struct fuse_file_info *file)
{
    (void)ino, (void)file;
    if (at >= disk_bytes)
        size = 0;
    else if ((off_t)size > disk_bytes - at)
        size = (size_t)(disk_bytes - at);
    fuse_reply_buf(req, disk + at, size);
}

static void on_write(fuse_req_t req, fuse_ino_t ino, const char *from, size_t size, off_t at, struct fuse_file_info *file)
{
    (void)ino, (void)file;
    if (at > disk_bytes || (off_t)size > disk_bytes - at) {
        fuse_reply_err(req, ENOSPC);
        return;
    }
    memcpy(disk + at, from, size);
    unflushed = 1;
    state[WRITES]++;
    state[BYTES] += size;
    pass(state[WRITE_US] * 1000 + state[KB_NS] * size / 1024);
    fuse_reply_write(req, size);
}

static void on_fsync(fuse_req_t req, fuse_ino_t ino, int data_only, struct fuse_file_info *file)
{
    (void)ino, (void)data_only, (void)file;
    if (unflushed) {
        unflushed = 0;
        state[FLUSHES]++;
        pass(state[FLUSH_US] * 1000);
    }
    fuse_reply_err(req, 0);
}

static void on_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t at, off_t length, struct fuse_file_info *file)
{
    (void)ino, (void)mode, (void)at, (void)length, (void)file;
    fuse_reply_err(req, 0); /* a discard: nothing to do */
}

static const struct fuse_lowlevel_ops ops = {
    .lookup = on_lookup, .getattr = on_getattr, .setattr = on_setattr, .open = on_open,
    .read = on_read, .write = on_write, .fsync = on_fsync, .fallocate = on_fallocate,
};

int main(int argc, char **argv)
{
    char *options[] = {argv[0], "-o", "fsname=modelled-card", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(3, options);
    struct fuse_session *session;
    int fd;

    if (argc != 4)
        return 2;
    disk_bytes = (off_t)atol(argv[2]) << 20;
    disk = mmap(NULL, (size_t)disk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    fd = open(argv[3], O_RDWR | O_CREAT, 0600);
    if (disk == MAP_FAILED || fd < 0 || ftruncate(fd, NUMBERS * 8) < 0)
        return 1;
    state = mmap(NULL, NUMBERS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED)
        return 1;
    prctl(PR_SET_TIMERSLACK, 1000);
    session = fuse_session_new(&args, &ops, sizeof ops, NULL);
    if (session == NULL || fuse_set_signal_handlers(session) != 0 || fuse_session_mount(session, argv[1]) != 0)
        return 1;
    fuse_session_loop(session);
    fuse_session_unmount(session);
    return 0;
}
