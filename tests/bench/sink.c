/* The next server: takes all mail and forgets it.
 *
 *   sink PORT STATE
 *
 * STATE is a file of 2 numbers of 64 bits that the measuring program maps, too: messages taken, and the time of the last
 * one (CLOCK_MONOTONIC, nanoseconds). Loopback only; PIPELINING; one process, epoll. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 4096
struct client {
    int in_data, at;       /* `at`: octets of CRLF.CRLF seen (data), or length of `line` (commands) */
    char line[1024];
};
static struct client *clients[CLIENTS];
static volatile uint64_t *state;
static char out[65536];
static size_t out_length;

static void say(const char *text)
{
    size_t n = strlen(text);
    if (out_length + n < sizeof out) {
        memcpy(out + out_length, text, n);
        out_length += n;
    }
}

static int command(struct client *c)
{
    if (strncasecmp(c->line, "EHLO", 4) == 0)
        say("250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 0\r\n250 ENHANCEDSTATUSCODES\r\n");
    else if (strncasecmp(c->line, "DATA", 4) == 0) {
        say("354 go on\r\n");
        c->in_data = 1;
        c->at = 2; /* the CRLF of DATA itself counts */
        return 0;
    } else if (strncasecmp(c->line, "QUIT", 4) == 0) {
        say("221 2.0.0 bye\r\n");
        return 1;
    } else
        say("250 2.0.0 ok\r\n");
    return 0;
}

/* 1 when the client said QUIT */
static int feed(struct client *c, const char *text, ssize_t n)
{
    static const char end[] = "\r\n.\r\n";
    for (ssize_t i = 0; i < n; i++) {
        char ch = text[i];
        if (c->in_data) {
            c->at = ch == end[c->at] ? c->at + 1 : ch == '\r';
            if (c->at == 5) {
                struct timespec now;
                clock_gettime(CLOCK_MONOTONIC, &now);
                state[1] = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
                state[0]++;
                say("250 2.0.0 taken\r\n");
                c->in_data = c->at = 0;
            } else if (c->at == 0) {
                const char *next = memchr(text + i, '\r', (size_t)(n - i));
                i = next ? next - text - 1 : n;
            }
        } else if (ch == '\n') {
            c->line[c->at] = 0;
            c->at = 0;
            if (command(c))
                return 1;
        } else if (c->at < (int)sizeof c->line - 1)
            c->line[c->at++] = ch;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static char in[1 << 18];
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN}, ready[64];
    int one = 1, poll = epoll_create1(0), door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

    if (argc != 3)
        return 2;
    fd = open(argv[2], O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 16) < 0)
        return 1;
    state = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    here.sin_port = htons((uint16_t)atoi(argv[1]));
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (state == MAP_FAILED || bind(door, (struct sockaddr *)&here, sizeof here) < 0 || listen(door, 1024) < 0)
        return 1;
    event.data.fd = door;
    epoll_ctl(poll, EPOLL_CTL_ADD, door, &event);
    for (;;) {
        int n = epoll_wait(poll, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            int s = ready[i].data.fd, over;
            if (s == door) {
                s = accept4(door, NULL, NULL, SOCK_CLOEXEC);
                if (s < 0 || s >= CLIENTS) {
                    if (s >= 0)
                        close(s);
                    continue;
                }
                clients[s] = calloc(1, sizeof *clients[s]);
                setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = s;
                epoll_ctl(poll, EPOLL_CTL_ADD, s, &event);
                out_length = 0;
                say("220 sink.example ESMTP\r\n");
                over = 0;
            } else {
                ssize_t got = read(s, in, sizeof in);
                out_length = 0;
                over = got <= 0 || feed(clients[s], in, got);
            }
            if (out_length > 0 && write(s, out, out_length) < 0)
                over = 1;
            if (over) {
                close(s);
                free(clients[s]);
                clients[s] = NULL;
            }
        }
    }
}
