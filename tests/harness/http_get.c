// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/http_get.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int
otc_http_request(const char *socket_path, const char *method, const char *path, const char *headers,
                 struct otc_buf *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 10};
    OTC_AUTO_BUF struct otc_buf request = {.limit = 1 << 20};
    uint8_t chunk[4096];
    int status = 0;
    ssize_t n;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    otc_buf_printf(&request, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s\r\n", method, path,
                   headers);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        write(fd, request.data, request.len) != (ssize_t)request.len) {
        if (fd >= 0) {
            close(fd);
        }
        return 0;
    }
    otc_buf_clear(out);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        otc_buf_append(out, chunk, (size_t)n);
    }
    close(fd);
    return otc_buf_cstr(out) && sscanf((const char *)out->data, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

const char *
otc_http_body(struct otc_buf *answer)
{
    const char *text = otc_buf_cstr(answer);
    const char *end = text ? strstr(text, "\r\n\r\n") : NULL;

    return end ? end + 4 : "";
}
