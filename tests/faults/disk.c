// A disk that misbehaves as told. Preloaded into a process (LD_PRELOAD), it sees every call that writes, syncs, renames,
// sends or receives, logs it, and delays, refuses or shortens it, or kills the process at it.
//
// WHAMPOA_DISK_FOLDER: only files below it are touched. WHAMPOA_DISK_CONTROL: a file that holds `struct control`; whoever
// writes to it changes what happens from then on. WHAMPOA_DISK_LOG: where each call appends one line, when it is set.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TARGET_BYTES 128

// Moments of a kill: before the call, when half of a write is done, after the call.
enum { BEFORE, HALFWAY, AFTER };
// Kinds of calls, as bits of `kill_kinds`.
enum { WRITE = 1, SYNC = 2, RENAME = 4, TRUNCATE = 8 };

struct control {
    _Atomic int64_t room;          // bytes that files may still grow by; negative: as many as they like
    _Atomic int64_t write_error;   // errno of every write, 0: none
    _Atomic int64_t sync_error;    // errno of every sync
    _Atomic int64_t sync_delay_ms; // how much longer a sync takes
    _Atomic int64_t short_writes;  // writes take half of what they are given
    _Atomic int64_t late_sync_ms;  // a sync returns at once and happens so much later: a disk that lies
    _Atomic int64_t kill_kinds;    // which calls count
    _Atomic int64_t kill_in;       // the process dies at the so manieth of them; 0: never
    _Atomic int64_t kill_moment;
    char target[TARGET_BYTES];     // only files whose path holds these characters fail; all when empty
};

static struct control calm = {.room = -1};
static struct control *control = &calm;
static char folder[PATH_MAX];
static int log_fd = -1;
static _Atomic int64_t sequence;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_posix_fallocate)(int, off_t, off_t);
static int (*real_rename)(const char *, const char *);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static ssize_t (*real_recvmsg)(int, struct msghdr *, int);

__attribute__((constructor)) static void prepare(void) {
    *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    *(void **)&real_write = dlsym(RTLD_NEXT, "write");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    *(void **)&real_fallocate = dlsym(RTLD_NEXT, "fallocate64");
    *(void **)&real_posix_fallocate = dlsym(RTLD_NEXT, "posix_fallocate64");
    *(void **)&real_rename = dlsym(RTLD_NEXT, "rename");
    *(void **)&real_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
    *(void **)&real_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
    const char *given = getenv("WHAMPOA_DISK_FOLDER");
    if (given == NULL || realpath(given, folder) == NULL) folder[0] = 0;
    const char *told = getenv("WHAMPOA_DISK_CONTROL");
    int fd = told ? open(told, O_RDWR | O_CLOEXEC) : -1;
    if (fd >= 0) {
        void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (mapped != MAP_FAILED) control = mapped;
        close(fd);
    }
    const char *log = getenv("WHAMPOA_DISK_LOG");
    if (log != NULL) log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

// One call from its beginning to its end. Numbers of begins and ends are one order over all threads.
struct call {
    const char *name;
    int fd;
    char path[PATH_MAX];
    int64_t begun, begun_ns;
};

static int64_t now_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void pause_ms(int64_t ms) {
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void begin(struct call *it, const char *name, int fd) {
    it->name = name;
    it->fd = fd;
    it->begun_ns = now_ns();
    it->begun = atomic_fetch_add(&sequence, 1);
}

static void end(const struct call *it, int64_t offset, int64_t length, int64_t result) {
    if (log_fd < 0) return;
    int saved = errno;
    int64_t ended = atomic_fetch_add(&sequence, 1), ended_ns = now_ns();
    const char *path = it->path[0] ? it->path + strlen(folder) + 1 : "-";
    char line[PATH_MAX + 256];
    int size = snprintf(line, sizeof line, "%lld %lld %lld %lld %ld %s %d %lld %lld %lld %s\n", (long long)it->begun,
                        (long long)ended, (long long)it->begun_ns, (long long)ended_ns, syscall(SYS_gettid), it->name,
                        it->fd, (long long)offset, (long long)length, (long long)result, path);
    // One write to a file opened for appending is one whole line.
    syscall(SYS_write, log_fd, line, size);
    errno = saved;
}

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}

// True when the descriptor is a file of the folder, whose path is filled in.
static int of_folder(int fd, char *path) {
    char link[64];
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = 0;
    errno = saved;
    return is_below(path);
}

static int is_target(const char *path) {
    const char *inside = is_below(path) ? path + strlen(folder) : path;
    return control->target[0] == 0 || strstr(inside, control->target) != NULL;
}

static void die(void) {
    syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    for (;;) pause();
}

// Counts a call; true when the process dies at it. One whose moment is before dies here.
static int is_last(int kind, const char *path) {
    if ((control->kill_kinds & kind) == 0 || control->kill_in <= 0 || !is_target(path)) return 0;
    if (atomic_fetch_sub(&control->kill_in, 1) != 1) return 0;
    if (control->kill_moment == BEFORE) die();
    return 1;
}

// Takes room for what a write or an allocation up to `until` needs beyond the blocks that the file has.
static int has_room(int fd, const char *path, int64_t until) {
    struct stat at;
    if (control->room < 0 || !is_target(path) || fstat(fd, &at) != 0) return 1;
    int64_t held = at.st_blocks * 512 > at.st_size ? at.st_blocks * 512 : at.st_size;
    int64_t growth = until - held;
    if (growth <= 0) return 1;
    if (atomic_fetch_sub(&control->room, growth) >= growth) return 1;
    atomic_fetch_add(&control->room, growth);
    return 0;
}

// Half of a write. A disk writes a unit of 512 bytes wholly or not at all, so what keeps to units stays whole ones.
static size_t half(size_t count, int64_t offset) {
    if (count % 512 != 0 || offset % 512 != 0) return count > 1 ? count / 2 : count;
    return count > 512 ? count / 2 / 512 * 512 : count;
}

static ssize_t write_part(int fd, const void *bytes, size_t count, off_t offset, int is_placed) {
    return is_placed ? real_pwrite(fd, bytes, count, offset) : real_write(fd, bytes, count);
}

static ssize_t write_as_told(int fd, const void *bytes, size_t count, off_t offset, int is_placed) {
    struct call it;
    if (!of_folder(fd, it.path)) return write_part(fd, bytes, count, offset, is_placed);
    if (!is_placed) {
        offset = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    }
    begin(&it, "write", fd);
    int dies = is_last(WRITE, it.path);
    ssize_t written = -1;
    if (control->write_error != 0 && is_target(it.path)) {
        errno = (int)control->write_error;
    } else if (!has_room(fd, it.path, offset + (int64_t)count)) {
        errno = ENOSPC;
    } else {
        int is_short = control->short_writes != 0 && is_target(it.path);
        int is_torn = dies && control->kill_moment == HALFWAY;
        written = write_part(fd, bytes, is_short || is_torn ? half(count, offset) : count, offset, is_placed);
    }
    end(&it, offset, count, written);
    if (dies) die();
    return written;
}

struct late {
    struct call it;
    int64_t ms;
};

// What a lying disk does when its answer has long been given.
static void *sync_late(void *given) {
    struct late *late = given;
    pause_ms(late->ms);
    begin(&late->it, "sync", late->it.fd);
    end(&late->it, 0, 0, real_fdatasync(late->it.fd));
    close(late->it.fd);
    free(late);
    return NULL;
}

static int start_late_sync(const struct call *it, int64_t ms) {
    pthread_t thread;
    struct late *late = malloc(sizeof *late);
    if (late == NULL) return -1;
    late->it = *it;
    late->it.fd = dup(it->fd);
    late->ms = ms;
    if (pthread_create(&thread, NULL, sync_late, late) != 0) return -1;
    return pthread_detach(thread);
}

static int sync_as_told(int fd, int (*sync)(int)) {
    struct call it;
    if (!of_folder(fd, it.path)) return sync(fd);
    begin(&it, "sync", fd);
    int dies = is_last(SYNC, it.path);
    int result = -1;
    if (control->sync_error != 0 && is_target(it.path)) {
        errno = (int)control->sync_error;
    } else if (control->late_sync_ms > 0 && is_target(it.path)) {
        return start_late_sync(&it, control->late_sync_ms);
    } else {
        if (control->sync_delay_ms > 0 && is_target(it.path)) pause_ms(control->sync_delay_ms);
        result = sync(fd);
    }
    end(&it, 0, 0, result);
    if (dies) die();
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    return write_as_told(fd, bytes, count, offset, 1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    return write_as_told(fd, bytes, count, offset, 1);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    return write_as_told(fd, bytes, count, 0, 0);
}

int fdatasync(int fd) {
    return sync_as_told(fd, real_fdatasync);
}

int fsync(int fd) {
    return sync_as_told(fd, real_fsync);
}

static int truncate_as_told(int fd, off_t length) {
    struct call it;
    if (!of_folder(fd, it.path)) return real_ftruncate(fd, length);
    begin(&it, "truncate", fd);
    int dies = is_last(TRUNCATE, it.path);
    int result = real_ftruncate(fd, length);
    end(&it, length, 0, result);
    if (dies) die();
    return result;
}

int ftruncate(int fd, off_t length) {
    return truncate_as_told(fd, length);
}

int ftruncate64(int fd, off64_t length) {
    return truncate_as_told(fd, length);
}

static int fallocate_as_told(int fd, int mode, off_t offset, off_t length) {
    char path[PATH_MAX];
    if (of_folder(fd, path) && !has_room(fd, path, offset + length)) {
        errno = ENOSPC;
        return -1;
    }
    return real_fallocate(fd, mode, offset, length);
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    return fallocate_as_told(fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
    return fallocate_as_told(fd, mode, offset, length);
}

static int posix_fallocate_as_told(int fd, off_t offset, off_t length) {
    char path[PATH_MAX];
    if (of_folder(fd, path) && !has_room(fd, path, offset + length)) return ENOSPC;
    return real_posix_fallocate(fd, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    return posix_fallocate_as_told(fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    return posix_fallocate_as_told(fd, offset, length);
}

int rename(const char *from, const char *to) {
    struct call it;
    if (realpath(from, it.path) == NULL || !is_below(it.path)) return real_rename(from, to);
    begin(&it, "rename", -1);
    int dies = is_last(RENAME, to);
    int result = real_rename(from, to);
    end(&it, 0, 0, result);
    if (dies) die();
    return result;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    struct call it = {.path = ""};
    begin(&it, "send", fd);
    ssize_t sent = real_sendmsg(fd, message, flags);
    if (sent > 0) end(&it, 0, sent, sent);
    return sent;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
    struct call it = {.path = ""};
    begin(&it, "receive", fd);
    ssize_t received = real_recvmsg(fd, message, flags);
    if (received > 0) end(&it, 0, received, received);
    return received;
}
