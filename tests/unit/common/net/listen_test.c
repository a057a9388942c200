// SPDX-License-Identifier: Apache-2.0
#include "common/net/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int
connect_tcp(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void
a_kept_socket_goes_to_the_next_of_its_endpoint(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    int fd, again, other, client;
    uint16_t port = 0, same = 0, another = 0;

    (void)state;
    assert_int_equal(otc_listen_tcp("127.0.0.1:0", AF_UNSPEC, &fd, &port, &err), OTC_OK);
    otc_listen_keep(true);
    otc_listen_close(fd, "127.0.0.1:0", AF_UNSPEC);
    /* Nobody accepts, and nobody is refused. */
    client = connect_tcp(port);
    assert_true(client >= 0);
    assert_int_equal(otc_listen_tcp("127.0.0.2:0", AF_UNSPEC, &other, &another, &err), OTC_OK);
    assert_int_not_equal(other, fd);
    /* Nor does one of another family. */
    assert_int_equal(otc_listen_tcp("127.0.0.1:0", AF_INET, &again, &same, &err), OTC_OK);
    assert_int_not_equal(again, fd);
    close(again);
    assert_int_equal(otc_listen_tcp("127.0.0.1:0", AF_UNSPEC, &again, &same, &err), OTC_OK);
    assert_int_equal(again, fd);
    assert_int_equal(same, port);
    otc_listen_keep(false);
    close(accept(again, NULL, NULL));
    close(client);
    otc_listen_close(again, "127.0.0.1:0", AF_UNSPEC);
    otc_listen_close(other, "127.0.0.2:0", AF_UNSPEC);
    assert_int_equal(connect_tcp(port), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void
what_nobody_takes_is_closed_in_the_end(void **state)
{
    struct otc_error err = OTC_ERROR_INIT;
    uint16_t port = 0;
    int fd, client;

    (void)state;
    assert_int_equal(otc_listen_tcp("127.0.0.1:0", AF_UNSPEC, &fd, &port, &err), OTC_OK);
    otc_listen_keep(true);
    otc_listen_close(fd, "127.0.0.1:0", AF_UNSPEC);
    client = connect_tcp(port);
    assert_true(client >= 0);
    close(client);
    otc_listen_keep(false);
    assert_int_equal(connect_tcp(port), -1);
}

static void
a_unix_socket_is_kept_with_its_file(void **state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    struct otc_error err = OTC_ERROR_INIT;
    int fd, again, client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(to.sun_path, sizeof(to.sun_path), "/tmp/aimon-listen-%ld.sock", (long)getpid());
    assert_int_equal(otc_listen_unix(to.sun_path, &fd, &err), OTC_OK);
    otc_listen_keep(true);
    otc_listen_close(fd, to.sun_path, AF_UNIX);
    assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(otc_listen_unix(to.sun_path, &again, &err), OTC_OK);
    assert_int_equal(again, fd);
    otc_listen_keep(false);
    assert_int_equal(access(to.sun_path, F_OK), 0);
    otc_listen_close(again, to.sun_path, AF_UNIX);
    assert_int_not_equal(access(to.sun_path, F_OK), 0);
    close(client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_socket_goes_to_the_next_of_its_endpoint),
        cmocka_unit_test(what_nobody_takes_is_closed_in_the_end),
        cmocka_unit_test(a_unix_socket_is_kept_with_its_file),
    };

    return cmocka_run_group_tests_name("net/listen", tests, NULL, NULL);
}
