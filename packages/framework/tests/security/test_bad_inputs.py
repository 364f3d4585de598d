"""Hostile requests, each to a plain and to an async view, under WSGI and ASGI.

Whatever comes: an answer, never a 5xx, within three seconds of work; and where the table says so,
the very status. The rows say what is sent; ``conftest.py`` has the views they are sent to.
"""

import json

import pytest

JSON = [(b"content-type", b"application/json")]
URLENCODED = [(b"content-type", b"application/x-www-form-urlencoded")]
MULTIPART = [(b"content-type", b"multipart/form-data; boundary=b")]
KILO, MEGA = 1024, 1024 * 1024


def part(headers, content=b"x"):
    return b"--b\r\n" + headers + b"\r\n\r\n" + content + b"\r\n"


def named(name, more=b""):
    return b'Content-Disposition: form-data; name="' + name + b'"' + more


def rows(area, path, values, expected=None, **how):
    """Make a row of each ``(label, what)``; ``what`` is what :class:`Sender` takes."""
    for label, what in values.items():
        status = what.pop("status", expected)
        yield pytest.param(what.pop("path", path), {**how, **what}, status, id=f"{area}: {label}")


def paths():
    hostile = {
        "nul": "/text/a%00b",
        "only nul": "/%00",
        "bad utf-8": "/text/%ff",
        "cut utf-8": "/text/%c3",
        "overlong slash": "/path/%c0%af",
        "surrogate": "/text/%ed%a0%80",
        "bom": "/text/%ef%bb%bf",
        "lone percent": "/text/%",
        "half percent": "/text/%4",
        "no hex": "/text/%zz",
        "percent u": "/text/%u0041",
        "double encoded": "/path/%252e%252e%252fsecret.txt",
        "newline": "/text/a%0ab",
        "cr lf": "/text/a%0d%0aSet-Cookie:%20x=1",
        "escape": "/log%1b[31m",
        "tab": "/text/a%09b",
        "delete": "/text/%7f",
        "rtl override": "/text/%e2%80%ae",
        "backslash": "/text/a%5cb",
        "only slashes": "//////",
        "two slashes": "//evil.example/",
        "three slashes": "///evil.example/%2e%2e",
        "slash and backslash": "/%5cevil.example",
        "dots": "/../../../etc/passwd",
        "encoded dots": "/%2e%2e/%2e%2e/etc/passwd",
        "dots in a variable": "/path/../../secret.txt",
        "semicolon": "/text/a;b=c",
        "question mark": "/text/a%3fb",
        "hash": "/text/a%23b",
        "colon": "/text/http:%2f%2fevil",
        "star": "*",
        "no slash": "text/a",
        "empty": "",
        "space": "/text/%20",
        "raw space": "/text/ ",
        "raw utf-8": "/text/ä",
        "astral": "/text/%f0%9f%92%a9",
        "quote": "/text/%22%27",
        "markup": "/text/%3cscript%3ealert(1)%3c/script%3e",
        "template": "/text/%7b%7b7*7%7d%7d",
        "format": "/text/%7b0.__class__%7d",
        "percent s": "/log/%25s%25n",
        "long": "/text/" + "a" * 60_000,
        "deep": "/path" + "/a" * 20_000,
        "many dots": "/path/" + "../" * 5_000,
        "many slashes": "/path" + "/" * 20_000,
        "many encoded slashes": "/path/" + "%2f" * 10_000,
        "redirect with a host": "//evil.example/folder",
        "folder and cr lf": "/folder%0d%0ax:y",
    }
    yield from rows("path", "", {k: {"path": v} for k, v in hostile.items()})
    not_found = {
        "unicode digits": "/int/%d9%a1%d9%a2",
        "superscript": "/int/%c2%b2",
        "sign": "/int/+1",
        "minus": "/int/-1",
        "underscores": "/int/1_000",
        "spaces": "/int/%201",
        "empty": "/int/",
        "hex": "/int/0x10",
        "5,000 digits": "/int/" + "9" * 5_000,
        "newline behind": "/int/1%0a",
        "float: unicode digits": "/float/%d9%a1.%d9%a2",
        "float: inf": "/float/inf",
        "float: nan": "/float/nan",
        "float: exponent": "/float/1e400",
        "float: two dots": "/float/1.2.3",
        "float: 5,000 digits": "/float/" + "9" * 5_000 + ".0",
        "float: newline": "/float/1.0%0a",
        "uuid: short": "/uuid/1234",
        "uuid: letters": "/uuid/" + "z" * 36,
        "uuid: unicode": "/uuid/" + "%d9%a1" * 8 + "-0000-0000-0000-000000000000",
        "any: other": "/any/up",
        "any: newline": "/any/left%0a",
        "any: regex": "/any/l.ft",
    }
    yield from rows("rule", "", {k: {"path": v} for k, v in not_found.items()}, 404)
    files = {
        "dots": "../secret.txt",
        "encoded dots": "%2e%2e/secret.txt",
        "encoded slash": "..%2fsecret.txt",
        "backslash": "..%5csecret.txt",
        "absolute": "/etc/passwd",
        "encoded absolute": "%2fetc%2fpasswd",
        "nul": "page.html%00.png",
        "long name": "a" * 300,
        "long path": "a/" * 3_000 + "b",
        "device": "CON",
        "device with extension": "nul.txt",
        "device in a folder": "sub/NUL",
        "stream": "page.html::$DATA",
        "drive": "C:%5cwindows",
        "unc": "%5c%5chost%5cshare",
        "surrogate": "%ed%b2%80",
        "newline": "page.html%0a",
        "tilde": "~root/.bashrc",
        "dot": ".",
        "folder": "",
        "slash behind": "page.html/",
        "trailing space": "page.html%20",
        "emoji": "%f0%9f%92%a9",
    }
    for prefix in ("/files/", "/static/"):
        table = {f"{prefix} {k}": {"path": prefix + v} for k, v in files.items()}
        yield from rows("file", "", table)


def hosts():
    bad = [
        b"a/b",
        b"a?b",
        b"a#b",
        b'a"b',
        b"a b",
        b"a\\b",
        b"user@host",
        b"a:b",
        b"a:",
        b"a:-1",
        b"a:99999999",
        b"[::1",
        b"::1",
        b"[::1]x",
        b"[zz]",
        b"[::cccccc1]",
        b"[1.2.3.4]",
        b"[:::]:80",
        b"\xff",
        b"a\x00b",
        b"<script>",
        b"a,b",
        b"good/../admin",
        b"a%00b",
        b"a%2fb",
        b"http://evil",
        b"a:80:80",
        b"{{7*7}}",
        b"a|b",
        b"a^b",
        b"a`b",
        b"$(id)",
        b"\xc3\xa4.example",
        b"a\tb",
        b"a;b",
        b"[",
        b"]",
        b"[]",
        b"a@",
        b"@a",
        b"'",
        b":80",
    ]
    yield from rows("host", "/url", {repr(v): {"headers": [(b"host", v)]} for v in bad}, 400)
    odd = [
        b"",
        b".",
        b"..",
        b"-",
        b"_",
        b"a..b",
        b".a",
        b"a.",
        b"a:0",
        b"a:65536",
        b"a" * 70_000,
        b"0",
        b"1.2.3",
        b"[::ffff:1.2.3.4]:1",
        b"xn--a",
        b"127.1",
        b"[v1.a]",
        b"localhost:00080",
    ]
    yield from rows("host", "/url", {repr(v[:20]): {"headers": [(b"host", v)]} for v in odd})
    proxies = {
        "host": (b"x-forwarded-host", b"evil.example"),
        "proto": (b"x-forwarded-proto", b"https"),
        "for": (b"x-forwarded-for", b"::1, <script>, \xff"),
        "prefix": (b"x-forwarded-prefix", b"/../.."),
        "port": (b"x-forwarded-port", b"99999999"),
        "rfc 7239": (b"forwarded", b'for="[::1";host=evil'),
        "original url": (b"x-original-url", b"/admin"),
        "rewrite url": (b"x-rewrite-url", b"/admin"),
        "override": (b"x-http-method-override", b"DELETE"),
        "script name": (b"script-name", b"/evil"),
        "proxy": (b"proxy", b"http://evil.example"),
    }
    table = {name: {"headers": [header]} for name, header in proxies.items()}
    yield from rows("proxy", "/url", table, 200)


def cookies():
    values = {
        "empty": b"",
        "equals": b"=",
        "only name": b"a",
        "no name": b"=a",
        "many equals": b"a=b=c=d",
        "semicolons": b";" * 1000,
        "equals signs": b"=" * 5000,
        "host prefix": b"=__Host-x=bad",
        "latin-1": b"a=\xe4",
        "utf-8": "a=ä".encode(),
        "bad utf-8": b"a=\xff\xfe",
        "nul": b"a=\x00",
        "control": b"a=\x01\x1f\x7f",
        "quote": b'a="',
        "cut quote": b'a="b; c=d',
        "escaped": b'a="\\"\\054"',
        "bad octal": b'a="\\999\\400"',
        "backslashes": b'a="' + b"\\" * 5000,
        "octals": b'a="' + b"\\300" * 2000 + b'"',
        "comma": b"a=b,c=d",
        "tab": b"a\t=\tb",
        "spaces": b" " * 5000 + b"a=b",
        "spaces before a broken value": b"a=" + b" " * 60_000 + b'"',
        "tabs in a quoted value": b'a="' + b"\t" * 60_000,
        "spaces behind a name": b"a" + b" " * 60_000 + b"b",
        "json": b'a={"b":[1]}',
        "long": b"a=" + b"x" * 60_000,
        "5,000 names": b"; ".join(b"n%d=v" % n for n in range(5000)),
        "5,000 equal names": b"; ".join([b"n=v"] * 5000),
        "attributes": b"$Version=1; $Path=/; a=b",
        "name with control": b"a\x00b=c",
        "name with markup": b"<b>=c",
        "long name": b"n" * 60_000 + b"=1",
    }
    table = {label: {"headers": [(b"cookie", value)]} for label, value in values.items()}
    yield from rows("cookie", "/cookies", table, 200)
    sessions = {
        "empty": b"",
        "dot": b".",
        "dots": b"...",
        "garbage": b"garbage",
        "three parts": b"a.b.c",
        "zlib bomb": b".eJzt" + b"A" * 1000 + b".Zk8.sig",
        "bad base64": b"!!!.Zk8.sig",
        "latin-1": b"\xff.\xff.\xff",
        "time to come": b"e30.____________.sig",
        "long": b"a." * 20_000,
        "quoted": b'"e30.Zk8.sig"',
        "newline": b"a\nb",
        "pickle": b"gASVAAAAAAAAAAAu.Zk8.sig",
        "none": b"bnVsbA.Zk8.sig",
    }
    table = {k: {"headers": [(b"cookie", b"session=" + v)]} for k, v in sessions.items()}
    yield from rows("session", "/session", table, 200)
    two = {"headers": [(b"cookie", b"session=a"), (b"cookie", b"session=b")]}
    yield from rows("session", "/session", {"two copies": two}, 200)


def ranges():
    values = [
        b"",
        b"bytes",
        b"bytes=",
        b"bytes=-",
        b"bytes=--1",
        b"bytes=-0",
        b"bytes=a-b",
        b"bytes=1-0",
        b"bytes=5-1",
        b"bytes=\xb2-\xb3",
        b"bytes=0-0,0-0",
        b"bytes=" + b"0-," * 5000,
        b"bytes=" + b",".join([b"0-0"] * 5000),
        b"bytes=0-" + b"9" * 5000,
        b"bytes=" + b"9" * 5000 + b"-",
        b"bytes=-" + b"9" * 5000,
        b"items=0-1",
        b"bytes 0-1",
        b"bytes=0x0-0x1",
        b"bytes=1.5-2",
        b"bytes=+1-+2",
        b"bytes= 0 - 1 ",
        b"bytes=0-1;q=1",
        b"=0-1",
        b"bytes=0\x00-1",
        b"bytes=99999999-",
        b"bytes=-99999999",
        b"none",
        b",",
        b"bytes=,",
        b"bytes=0-,",
        b"\xff",
        b"bytes=1_0-2_0",
        b"bytes=0" + b" " * 50_000 + b"-1",
        b"bytes=" + b"-" * 50_000,
    ]
    for path in ("/file", "/static/page.html"):
        table = {f"{path} {v[:24]!r} {len(v)}": {"headers": [(b"range", v)]} for v in values}
        yield from rows("range", path, table)
    dates = [
        b"",
        b"yesterday",
        b"Thu, 01 Jan 1970 00:00:00 GMT",
        b"Thu, 99 Foo 99999 99:99:99 GMT",
        b"0",
        b"-1",
        b"9" * 5000,
        b"Mon, 01 Jan 0001 00:00:00 GMT",
        b"Fri, 31 Dec 9999 23:59:60 GMT",
        b"Fri, 31 Dec 9999 23:59:59 -2359",
        b"Mon, 01 Jan 0001 00:00:00 +2359",
        b"\xff",
        b"1 Jan 2020",
        b"Wed, 21 Oct 2015 07:28:00 +99999999999",
        b"Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
        b"(" * 5000,
        b"Wed, 21 Oct 2015 07:28:00 (" + b"(" * 3000,
    ]
    etags = [
        b"",
        b"*",
        b'"',
        b"W/",
        b'W/"',
        b'"a',
        b'"a", "b',
        b"a,b,c",
        b'"' * 5000,
        b'"a",' * 5000,
        b"\xff",
        b'"\x00"',
        b'w/"a"',
        b"**",
        b'*, "a"',
        b"," * 5000,
        b'"\\""',
        b'W/"' * 3000,
    ]
    conditions = {
        "date": ((b"if-modified-since", b"if-unmodified-since", b"if-range", b"date"), dates),
        "etag": ((b"if-match", b"if-none-match", b"if-range"), etags),
    }
    part = (b"range", b"bytes=0-1")
    for area, (names, values) in conditions.items():
        table = {
            f"{name.decode()} {value[:30]!r} {len(value)}": {"headers": [(name, value), part]}
            for name in names
            for value in values
        }
        yield from rows(f"{area} with a range", "/file", table)
        alone = {label: {"headers": row["headers"][:1]} for label, row in table.items()}
        yield from rows(f"{area} of a static file", "/static/page.html", alone)


def headers():
    values = {
        "authorization": [
            b"",
            b"Basic",
            b"Basic ",
            b"Basic !",
            b"Basic YQ",
            b"Basic \xff",
            b"Basic /w==",
            b"Basic Og==",
            b"Bearer",
            b"Digest",
            b'Digest username="',
            b"Digest a=b, a=c",
            b"Digest " + b"a=b," * 5000,
            b"\xff",
            b" ",
            b"Basic " + b"A" * 60_000,
            b"Basic " + b"=" * 1000,
            b"Digest username*=UTF-8''%ff",
            b"Negotiate \x00",
        ],
        "accept": [
            b"",
            b"*",
            b"*/*;q=",
            b"*/*;q=2",
            b"*/*;q=-1",
            b"*/*;q=nan",
            b"*/*;q=inf",
            b"*/*;q=\xb2",
            b"a/b;c",
            b'a/b;c="',
            b"a/b," * 5000,
            b"text/html;" * 5000,
            b"/",
            b"//",
            b"a/b/c",
            b"\xff/\xff",
            b"a;q=0.1;q=0.2",
            b"a/b;q=" + b"9" * 5000,
            b"a/b; q=1e999",
            b"a/b;" + b" " * 50_000 + b"q=1",
            b'a/b;c="' + b"\\" * 5000,
            b"a/b" + b" " * 60_000 + b"c",
            b'a/b;c="' + b"\t" * 60_000 + b'"',
        ],
        "accept-language": [
            b"",
            b"*",
            b"de-" * 5000,
            b"de;q=x",
            b"\xff",
            b"-",
            b"_",
            b"de_DE-AT__",
        ],
        "accept-encoding": [b"", b"*", b"gzip;q=x", b"gzip," * 5000, b"\xff"],
        "accept-charset": [b"utf-8", b"\xff", b"nonsense;q=1"],
        "if-range": [b'"a", "b', b'a="b', b"Fri, 31 Dec 9999 23:59:59 -2359"],
        "content-type": [
            b"",
            b";",
            b"/",
            b"text",
            b"multipart/form-data",
            b"multipart/form-data; boundary=",
            b'multipart/form-data; boundary="',
            b"application/json; charset=utf-7",
            b"application/json; charset=nonsense",
            b"text/plain; charset*=utf-8''%ff",
            b"text/plain; charset*0=a; charset*1=b",
            b"text/plain" + b";" * 5000,
            b"text/plain; " + b"a=b; " * 5000,
            b"\xff/\xff",
            b"text/plain; a=" + b"\\" * 10_000,
            b'text/plain; a="' + b"\\" * 10_000,
            b"text/plain; a*99999999999=b",
            b"a" * 60_000,
            b'application/x-www-form-urlencoded; !="\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\',
            b"application/json;;;=",
            b"application/+json",
        ],
        "cache-control": [
            b"",
            b"max-age",
            b"max-age=",
            b"max-age=x",
            b"max-age=-1",
            b"max-age=" + b"9" * 5000,
            b'a="',
            b"=," * 5000,
            b"\xff",
        ],
        "max-forwards": [b"", b"x", b"-1", b"\xb2", b"9" * 5000, b"1_0", b"1.5"],
        "access-control-request-headers": [b"", b"," * 5000, b"a," * 5000, b'"', b"\xff"],
        "access-control-request-method": [b"", b"\xff", b"GET\x00"],
        "origin": [b"null", b"", b"\xff", b"http://evil", b"http://[", b"x" * 60_000],
        "referer": [b"", b"\xff", b"http://[", b"//"],
        "user-agent": [b"", b"\xff", b"%n%s{0}", b"${jndi:ldap://x}", b"x" * 60_000],
        "pragma": [b"", b"\xff", b'"', b"," * 5000],
        "content-encoding": [b"gzip", b"\xff", b"gzip, gzip, gzip"],
        "content-md5": [b"\xff"],
        "x-forwarded-for": [b"", b"," * 5000, b"\xff", b"1.2.3.4, evil"],
        "expect": [b"100-continue", b"200-ok", b""],
        "upgrade": [b"websocket", b"h2c", b"\xff"],
        "x_underscore": [b"a"],
        "transfer-encoding": [b"identity", b"nonsense"],
    }
    for name, hostile in values.items():
        table = {f"{name} {v[:24]!r} {len(v)}": {"headers": [(name.encode(), v)]} for v in hostile}
        yield from rows("header", "/headers", table)
    many = [(b"x-%d" % n, b"v") for n in range(5000)]
    equal = [(b"x-a", b"v")] * 5000
    yield from rows(
        "header",
        "/headers",
        {
            "5,000 fields": {"headers": many},
            "5,000 equal fields": {"headers": equal},
            "1 MiB": {"headers": [(b"x-a", b"v" * MEGA)]},
            "empty name": {"headers": [(b"", b"v")]},
            "bytes in a name": {"headers": [(b"x-\xff", b"v")]},
            "two hosts": {"headers": [(b"host", b"a"), (b"host", b"b")]},
        },
    )


def lengths():
    values = {
        "letters": b"abc",
        "negative": b"-1",
        "minus zero": b"-0",
        "plus": b"+3",
        "float": b"3.0",
        "hex": b"0x3",
        "underscore": b"1_0",
        "empty": b"",
        "space": b" ",
        "two": b"3, 3",
        "two others": b"3, 4",
        "superscript": b"\xb2",
        "nul": b"3\x00",
        "huge": b"9" * 30,
        "5,000 digits": b"9" * 5000,
        "too long": b"1000",
        "too short": b"1",
        "zero": b"0",
        "spaces around": b" 3 ",
        "leading zeros": b"0003",
        "arabic": "٣".encode(),
    }
    for path, kind in (
        ("/data", []),
        ("/form", URLENCODED),
        ("/json", JSON),
        ("/form", MULTIPART),
    ):
        label = kind[0][1].decode() if kind else "raw"
        table = {
            f"{label}, {k}": {"headers": [*kind, (b"content-length", v)]}
            for k, v in values.items()
        }
        yield from rows("length", path, table, method="POST", body=b"a=1")


def queries():
    values = {
        "nothing": "",
        "ampersands": "&" * 20_000,
        "equals": "=" * 20_000,
        "only name": "a",
        "no name": "=a",
        "nul": "a=%00",
        "nul in a name": "%00=a",
        "semicolon": "a=1;b=2",
        "plus": "a=+++",
        "lone percent": "a=%",
        "half percent": "a=%a",
        "no hex": "a=%zz&b=%",
        "newline": "a=%0d%0a",
        "brackets": "a[]=1&a[b][c]=2",
        "question": "?a=1?b=2",
        "hash": "a=%23",
        "prototype": "__proto__[x]=1",
        "dunder": "__class__=1",
        "long value": "a=" + "x" * 60_000,
        "long name": "x" * 60_000 + "=1",
        "5,000 equal": "&".join(["a=1"] * 5000),
        "5,000 names": "&".join(f"n{n}=1" for n in range(5000)),
        "long and encoded": "a=" + "%61" * 20_000,
        "noncharacter": "a=%ef%bf%bf",
        "bom": "a=%ef%bb%bf",
        "raw utf-8": "a=ä",
        "encoded separators": "a%26b%3dc=d",
        "markup": "a=<script>",
        "format": "a={0}&b=%25s",
    }
    for path in ("/args", "/values"):
        table = {f"{path} {k}": {"path": f"{path}?{v}"} for k, v in values.items()}
        yield from rows("query", path, table, 200)
    broken = {
        "bad utf-8": "a=%ff",
        "cut utf-8": "a=%c3",
        "surrogate": "a=%ed%a0%80",
        "overlong": "a=%c0%80",
        "bad name": "%ff=a",
        "too high": "a=%f4%90%80%80",
    }
    table = {k: {"path": f"/args?{v}"} for k, v in broken.items()}
    yield from rows("query", "/args", table, 400)
    raw = {"raw byte": b"a=\xff", "raw surrogate": b"a=\xed\xa0\x80", "raw nul": b"a=\x00"}
    yield from rows("query", "/args", {k: {"path": b"/args?" + v} for k, v in raw.items()})
    targets = {
        "host": "//evil.example",
        "backslash": "/\\evil.example",
        "javascript": "javascript:alert(1)",
        "cr lf": "/%0d%0aSet-Cookie:x=1",
        "nul": "/%00",
        "bracket": "http://[",
        "bracket 2": "//[::1",
        "bad port": "http://a:99999999/",
        "no port": "http://a:x/",
        "umlaut": "http://%C3%A4.example/%C3%A4",
        "long label": "http://" + "a" * 300 + "/",
        "dots": "http://a..b/",
        "space": "/a%20b",
        "bad idna": "http://xn--a%C3%A4/",
        "surrogate escape": "/%25ff",
        "long": "/" + "a" * 60_000,
        "tab": "/%09/evil.example",
        "astral": "/%f0%9f%92%a9",
        "fraction": "http://a%E2%84%80.example/",
        "empty": "",
        "userinfo": "http://a:b@c@d/",
    }
    table = {k: {"path": f"/go?to={v}"} for k, v in targets.items()}
    yield from rows("redirect", "/go", table)
    names = {
        "quotes": 'a"b',
        "second name": 'a"; filename="evil.exe',
        "cr lf": "a%0d%0aSet-Cookie: x=1",
        "nul": "a%00b",
        "utf-8": "ä.txt",
        "astral": "%f0%9f%92%a9.txt",
        "path": "../../etc/passwd",
        "backslash": "a%5cb",
        "long": "a" * 60_000,
        "dots": "..",
        "semicolons": ";;;",
        "percent": "a%2525b",
        "newline": "a%0ab",
        "empty": "",
        "rtl": "%e2%80%aefdp.exe",
        "line": "a%e2%80%a8b",
    }
    table = {k: {"path": f"/named?as={v}".replace(" ", "%20")} for k, v in names.items()}
    yield from rows("file name", "/named", table)


def json_bodies():
    bad = {
        "empty": b"",
        "space": b" ",
        "bad utf-8": b'"\xff"',
        "nul": b"\x00",
        "cut": b'{"a":',
        "words": b"nul",
        "comma": b"[1,]",
        "deep lists": b"[" * 200_000,
        "deep dicts": b'{"a":' * 50_000,
        "deep and closed": b"[" * 5000 + b"]" * 5000,
        "400 deep": b"[" * 400 + b"]" * 400,
        "single quotes": b"{'a':1}",
        "comment": b"/**/1",
        "two values": b"1 2",
        "cut escape": b'"\\u12"',
        "control": b'"\x01"',
        "huge integer": b"9" * 5000,
        "hex": b"0x1",
        "leading zero": b"01",
        "cut utf-16": b"\xff\xfe\x00",
        "cut utf-32": b"\x00\x00\xfe\xff\x00",
    }
    table = {label: {"body": body} for label, body in bad.items()}
    yield from rows("json", "/json", table, 400, method="POST", headers=JSON)
    odd = {
        "bom": b"\xef\xbb\xbf1",
        "utf-16": json.dumps("ä").encode("utf-16"),
        "lone surrogate": b'"\\ud800"',
        "nan": b"NaN",
        "infinity": b"[Infinity, -Infinity]",
        "1e999": b"1e999",
        "4,000 digits": b"9" * 4000,
        "equal keys": b'{"a":1,"a":2}',
        "nul character": b'"\\u0000"',
        "256 deep": b"[" * 256 + b"]" * 256,
        "escaped slash": b'"\\/"',
        "prototype": b'{"__proto__":1}',
        "100,000 keys": json.dumps({str(n): n for n in range(100_000)}).encode(),
        "a million zeros": b"[" + b"0," * 500_000 + b"0]",
        "many brackets": json.dumps("[" * 100_000).encode(),
        "long float": b"0." + b"1" * 5000,
        "minus zero": b"-0",
        "wide and flat": b"[" + b"[]," * 100_000 + b"[]]",
        "tag": b'{" t":[1]}',
        "equal hashes": json.dumps({str((2**61 - 1) * n): 0 for n in range(10_000)}).encode(),
    }
    table = {label: {"body": body} for label, body in odd.items()}
    yield from rows("json", "/json", table, method="POST", headers=JSON)
    kinds = {
        "none": [],
        "text": [(b"content-type", b"text/plain")],
        "gzip": [*JSON, (b"content-encoding", b"gzip")],
    }
    for label, kind in kinds.items():
        table = {f"as {label}": {"headers": kind, "body": b"\x1f\x8b\x08\x00"}}
        yield from rows("json", "/json", table, 400 if label == "gzip" else 415, method="POST")


def forms():
    refused = {
        "bad utf-8": b"a=%ff",
        "raw bytes": b"a=\xff",
        "1,001 fields": b"&".join([b"a=1"] * 1001),
        "a million ampersands": b"&" * 400_000,
        "over the memory": b"a=" + b"x" * 500_001,
    }
    table = {
        label: {"body": body, "status": 413 if len(body) > 50 else 400}
        for label, body in refused.items()
    }
    yield from rows("form", "/form", table, method="POST", headers=URLENCODED)
    odd = {
        "nul": b"a=%00",
        "percent": b"%",
        "equals": b"=" * 100_000,
        "semicolon": b"a=1;b=2",
        "empty": b"",
        "line": b"a=1\r\nb=2",
        "1,000 fields": b"&".join([b"a=1"] * 1000),
        "plus": b"+" * 100_000,
        "encoded": b"%61" * 100_000,
    }
    table = {label: {"body": body} for label, body in odd.items()}
    yield from rows("form", "/form", table, 200, method="POST", headers=URLENCODED)


def multiparts():
    end = b"--b--\r\n"
    refused = {
        "nothing": b"",
        "text": b"no boundary at all",
        "cut boundary": b"--",
        "boundary alone": b"--b",
        "other boundary": b"--c\r\n\r\n\r\n--c--",
        "not closed": part(named(b"a")),
        "cut headers": b"--b\r\nContent-Disp",
        "no colon": part(b"nonsense") + end,
        "no disposition": part(b"X-A: b") + end,
        "bad utf-8 value": part(named(b"a"), b"\xff") + end,
        "nine headers": part(named(b"a") + b"\r\nX: y" * 9) + end,
        "huge header": part(named(b"a" * 70_000)) + end,
        "bare cr in a header": part(named(b"a\rb")) + end,
        "bad utf-8 name": part(named(b"\xff")) + end,
        "cut end": part(named(b"a")) + b"--b-",
        "1,001 fields": part(named(b"a")) * 1001 + end,
        "1,001 files": part(named(b"f", b'; filename="x"')) * 1001 + end,
        "over the memory": part(named(b"a"), b"x" * 500_001) + end,
        "fields over the memory": part(named(b"a"), b"x" * 50_000) * 11 + end,
        "no blank line": b"--b\r\nContent-Disposition: form-data; name=a\r\n--b--\r\n",
        "nul in a header": part(b"\x00: \x00") + end,
    }
    refusals = {label: {"body": body, "status": (400, 413)} for label, body in refused.items()}
    yield from rows("multipart", "/form", refusals, method="POST", headers=MULTIPART)
    odd = {
        "no name": part(b"Content-Disposition: form-data") + end,
        "empty form": end,
        "preamble": b"x\r\n" + part(named(b"a")) + end,
        "epilogue": part(named(b"a")) + end + b"y" * 100_000,
        "huge preamble": b"x" * 2 * MEGA + b"\r\n" + part(named(b"a")) + end,
        "line breaks": part(named(b"f", b'; filename="x"'), b"\r\n" * MEGA) + end,
        "cr then megabytes": part(named(b"f", b'; filename="x"'), b"\r" + b"a" * 4 * MEGA) + end,
        "lf in front": b"\n" * 1000 + part(named(b"a")) + end,
        "almost boundaries": part(named(b"f", b'; filename="x"'), b"\r\n--" * 300_000) + end,
        "dashes": part(named(b"a"), b"-" * 100_000) + end,
        "long file name": part(named(b"f", b'; filename="' + b"a" * 3000 + b'"')) + end,
        "path in a file name": part(named(b"f", b'; filename="../../x"')) + end,
        "windows path": part(named(b"f", b'; filename="C:\\\\x\\\\y.txt"')) + end,
        "filename*": part(named(b"f", b"; filename*=utf-8''%ff")) + end,
        "two filenames": part(named(b"f", b'; filename="a"; filename="b"')) + end,
        "nul in a file name": part(named(b"f", b'; filename="a\x00b"')) + end,
        "charset": part(named(b"a") + b"\r\nContent-Type: text/plain; charset=utf-7", b"+AGE-")
        + end,
        "transfer encoding": part(
            named(b"a") + b"\r\nContent-Transfer-Encoding: base64", b" " * 100_000
        )
        + end,
        "nested": part(named(b"a") + b"\r\nContent-Type: multipart/mixed; boundary=b", b"--b--")
        + end,
        "length of a part": part(named(b"a") + b"\r\nContent-Length: 99999999") + end,
        "negative length": part(named(b"a") + b"\r\nContent-Length: -1") + end,
        "_charset_": part(named(b"_charset_"), b"utf-7") + end,
        "equal names": part(named(b"a")) * 900 + end,
        "empty name": part(named(b"")) + end,
    }
    table = {label: {"body": body} for label, body in odd.items()}
    yield from rows("multipart", "/form", table, method="POST", headers=MULTIPART)
    drops = {
        "bytes one by one": [bytes([byte]) for byte in part(named(b"a"), b"x" * 10_000) + end],
        "cr in a piece of its own": [part(named(b"a"), b"")[:-2], b"\r", b"\n", b"--b--\r\n"],
    }
    for label, pieces in drops.items():
        for announced in (True, False):
            row = {f"{label}, announced: {announced}": {"body": pieces, "announced": announced}}
            yield from rows("multipart", "/form", row, 200, method="POST", headers=MULTIPART)
    boundaries = [
        b"",
        b"a b",
        b"a" * 71,
        b"a" * 60_000,
        b'"',
        b'"a',
        b"\xff",
        b"a\x00",
        b"a;b",
        b"--",
        b" ",
        b"\\",
        b"'a'",
        b"a/b:c=?",
    ]
    table = {
        repr(v[:12]): {
            "headers": [(b"content-type", b"multipart/form-data; boundary=" + v)],
            "body": part(named(b"a")) + end,
        }
        for v in boundaries
    }
    yield from rows("boundary", "/form", table, method="POST")


def methods():
    for method in (
        "HEAD",
        "OPTIONS",
        "TRACE",
        "CONNECT",
        "PUT",
        "PATCH",
        "DELETE",
        "PROPFIND",
        "BREW",
        "get",
        "G" * 5000,
        "A-B",
    ):
        table = {
            f"{method[:10]} {path}": {"path": path, "method": method}
            for path in ("/args", "/nowhere", "/folder", "/static/page.html")
        }
        yield from rows("method", "", table)
        table = {
            f"{method[:10]} with a body": {
                "path": "/args",
                "method": method,
                "body": b"x" * 100_000,
            }
        }
        yield from rows("method", "", table)
    over = {"announced": {"announced": True}, "chunked": {"announced": False}}
    for path, kind in (
        ("/data", []),
        ("/json", JSON),
        ("/form", URLENCODED),
        ("/form", MULTIPART),
    ):
        label = kind[0][1].decode() if kind else "raw"
        table = {f"{label}, {k}": {"body": [b"x" * MEGA] * 17, **v} for k, v in over.items()}
        status = (400, 413) if kind is MULTIPART else 413
        yield from rows("over the limit", path, table, status, method="POST", headers=kind)


EVERYTHING = [
    row
    for table in (
        paths,
        hosts,
        cookies,
        ranges,
        headers,
        lengths,
        queries,
        json_bodies,
        forms,
        multiparts,
        methods,
    )
    for row in table()
]
SECONDS = 3


def asynchronous(path):
    """Where the same view is a coroutine function."""
    return b"/async" + path if isinstance(path, bytes) else "/async" + path


@pytest.mark.parametrize(("path", "how", "expected"), EVERYTHING)
def test_no_input_is_a_server_error_or_takes_long(everything, connect, path, how, expected):
    send = connect(everything)
    for target in (path, asynchronous(path)):
        answer = send(**{"target": target, **how})
        assert answer.status < 500, target
        assert answer.seconds < SECONDS, target
        if expected is not None:
            statuses = expected if isinstance(expected, tuple) else (expected,)
            assert answer.status in statuses, target
        assert b"secret" not in answer.data.replace(b"secret.txt", b""), target
        assert "evil" not in answer.headers.get("Set-Cookie", ""), target


def test_the_table_has_several_hundred_rows():
    assert len(EVERYTHING) > 471
