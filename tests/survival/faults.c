/* Preloaded into a server or a process of the tests: its disk can be full and its clock wrong, as a shared file says.

   The file (named by SURVIVAL_FAULTS) holds two numbers: whether the disk is full, and by how many seconds the clock is
   wrong. Full means what it means on a real disk: what would make a regular file longer fails with ENOSPC, while bytes
   that have their place already can be written again.

   Nothing waits for the disk: processes are killed here, the machine never is, and what a process has written outlives
   it with or without fsync. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *told;

__attribute__((constructor)) static void look(void) {
    const char *path = getenv("SURVIVAL_FAULTS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, 16, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) told = memory;
}

static int refused(int file, off_t offset, size_t length) {
    struct stat status;
    if (!told || !told[0] || length == 0) return 0;
    int kept = errno;
    int full = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    if (full && offset < 0)
        offset = (fcntl(file, F_GETFL) & O_APPEND) ? status.st_size : lseek(file, 0, SEEK_CUR);
    full = full && offset + (off_t)length > status.st_size;
    errno = full ? ENOSPC : kept;
    return full;
}

static size_t length_of(const struct iovec *parts, int count) {
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    return length;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int f, const void *b, size_t n) { REAL(write); return refused(f, -1, n) ? -1 : real(f, b, n); }
ssize_t pwrite(int f, const void *b, size_t n, off_t o) { REAL(pwrite); return refused(f, o, n) ? -1 : real(f, b, n, o); }
ssize_t pwrite64(int f, const void *b, size_t n, off64_t o) { REAL(pwrite64); return refused(f, o, n) ? -1 : real(f, b, n, o); }
ssize_t writev(int f, const struct iovec *v, int n) { REAL(writev); return refused(f, -1, length_of(v, n)) ? -1 : real(f, v, n); }
ssize_t pwritev(int f, const struct iovec *v, int n, off_t o) { REAL(pwritev); return refused(f, o, length_of(v, n)) ? -1 : real(f, v, n, o); }
ssize_t pwritev64(int f, const struct iovec *v, int n, off64_t o) { REAL(pwritev64); return refused(f, o, length_of(v, n)) ? -1 : real(f, v, n, o); }
int fallocate(int f, int m, off_t o, off_t n) { REAL(fallocate); return refused(f, o, n) ? -1 : real(f, m, o, n); }
int fallocate64(int f, int m, off64_t o, off64_t n) { REAL(fallocate64); return refused(f, o, n) ? -1 : real(f, m, o, n); }
int posix_fallocate(int f, off_t o, off_t n) { REAL(posix_fallocate); return refused(f, o, n) ? ENOSPC : real(f, o, n); }
int posix_fallocate64(int f, off64_t o, off64_t n) { REAL(posix_fallocate64); return refused(f, o, n) ? ENOSPC : real(f, o, n); }

int fsync(int f) { (void)f; return 0; }
int fdatasync(int f) { (void)f; return 0; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int answer = real(clock, now);
    if (answer == 0 && told && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += told[1];
    return answer;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int answer = real(now, zone);
    if (answer == 0 && told) now->tv_sec += told[1];
    return answer;
}

time_t time(time_t *there) {
    REAL(time);
    time_t now = real(NULL) + (told ? told[1] : 0);
    if (there) *there = now;
    return now;
}
