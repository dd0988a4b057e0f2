package dev.slipway.analysis.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.zip.GZIPOutputStream;

/**
 * Requests that are wrong in every way, the same ones each time, of a client with a valid token: whatever comes, the answer is the client's
 * fault and says so.
 */
final class Fuzz {

    private static final long SEED = 11;
    private static final int AT_ONCE = 6;

    /** @param whole false where the bytes end before the request does, as of a client that goes away */
    private record Request(byte[] bytes, boolean head, boolean versioned, boolean whole) {

        @Override
        public String toString() {
            String text = new String(bytes, StandardCharsets.ISO_8859_1).replaceAll("[^ -~\n]", "?");
            return text.substring(0, Math.min(text.length(), 600));
        }
    }

    private final Random random = new Random(SEED);
    private final String token;

    private Fuzz(String token) {
        this.token = token;
    }

    /** Sends them and returns how many answers each status had, 0 being no header. Fails at what is not the client's fault. */
    static Map<Integer, Integer> run(int port, boolean tls, int requests, String token) throws Exception {
        Fuzz fuzz = new Fuzz(token);
        List<Callable<Integer>> calls = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            Request request = fuzz.request();
            calls.add(() -> ask(port, tls, request));
        }
        Map<Integer, Integer> counts = new TreeMap<>();
        List<String> wrong = new ArrayList<>();
        ExecutorService clients = Executors.newFixedThreadPool(AT_ONCE);
        try {
            for (Future<Integer> answer : clients.invokeAll(calls)) {
                try {
                    counts.merge(answer.get(), 1, Integer::sum);
                } catch (ExecutionException e) {
                    wrong.add(String.valueOf(e.getCause().getMessage()));
                }
            }
        } finally {
            clients.shutdownNow();
        }
        System.out.println("fuzz" + (tls ? " over TLS" : "") + ", seed " + SEED + ": " + requests + " requests, answers by status " + counts);
        assertThat(wrong.stream().limit(20)).as(wrong.size() + " of them").isEmpty();
        return counts;
    }

    /** Some more as a configuration of curl, for HTTP/2; of each curl prints the status, the content type and the seconds. */
    static String curl(String server, int requests, String token) throws IOException {
        Fuzz fuzz = new Fuzz(token);
        StringBuilder configuration = new StringBuilder();
        for (int i = 0; i < requests; i++) {
            String target = printable(fuzz.target()).replaceFirst("^(?!/)", "/");
            configuration.append(i == 0 ? "" : "next\n").append("""
                    silent
                    show-error
                    globoff
                    path-as-is
                    max-time = 15
                    output = "/dev/null"
                    write-out = "%{http_code} %{content_type} %{time_total}\\n"
                    """);
            configuration.append("cacert = \"/ca/root.pem\"\nurl = \"").append(server).append(target).append("\"\n");
            configuration.append("header = \"Authorization: Bearer ").append(token).append("\"\n");
            configuration.append("request = \"").append(fuzz.one("GET", "GET", "POST", "POST", "PUT", "DELETE", "PATCH", "TRACE", "QUERY")).append("\"\n");
            String header = printable(fuzz.header());
            if (header.matches("[A-Za-z-]+: .*") && !header.startsWith("Expect")) {
                configuration.append("header = \"").append(header).append("\"\n");
            }
            if (fuzz.random.nextBoolean()) {
                configuration.append("header = \"Content-Type: ").append(printable(fuzz.type())).append("\"\ndata-raw = \"")
                        .append(printable(new String(fuzz.body(), StandardCharsets.ISO_8859_1))).append("\"\n");
            }
        }
        return configuration.toString();
    }

    /** Within the quotes of curl's configuration. */
    private static String printable(String text) {
        return text.replaceAll("[^!-~ ]", "?").replace("\\", "\\\\").replace("\"", "\\\"");
    }

    private static int ask(int port, boolean tls, Request request) throws IOException {
        long start = System.nanoTime();
        Raw.Answer answer = Raw.ask("127.0.0.1", port, tls, request.bytes(), !request.whole());
        String seen = request + "\n--> " + answer;

        assertThat(answer.closed()).as("closed: " + seen).isTrue();
        assertThat((System.nanoTime() - start) / 1_000_000_000).as("seconds: " + seen).isLessThan(15);
        if (answer.status() == 0) {
            assertThat(request.versioned() && request.whole()).as("an answer: " + seen).isFalse();
            return 0;
        }
        assertThat(answer.status() < 500 || answer.status() == 501 || answer.status() == 505).as("the client's fault: " + seen).isTrue();
        if (answer.status() >= 400 && !request.head() && !answer.isPage()) {
            assertThat(answer.isProblem()).as("a problem: " + seen).isTrue();
            assertThat(answer.requestId()).as("the header's id: " + seen).isEqualTo(answer.headers().get("x-request-id"));
        }
        return answer.status();
    }

    private Request request() throws IOException {
        String method = mostly(one("GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"),
                "TRACE", "CONNECT", "get", "PROPFIND", "M".repeat(200), "G\u0001T", "");
        String version = mostly(" HTTP/1.1", " HTTP/1.0", " HTTP/1.2", " HTTP/2.0", " HTTP/0.9", " HTTP/11", " http/1.1", "  HTTP/1.1 ", "");
        byte[] body = random.nextInt(3) == 0 ? new byte[0] : body();
        StringBuilder head = new StringBuilder(method + " " + target() + version + "\r\n");
        head.append("Connection: close\r\nAuthorization: Bearer ").append(token).append("\r\n");
        if (random.nextInt(30) > 0) {
            head.append("Host: ").append(mostly("example.test", "localhost:881", "my_host", "[::1]:80", "a..b", "x:99999", "a/b", "\u00e4", ""))
                    .append("\r\n");
        }
        for (int i = random.nextInt(5); i > 0; i--) {
            head.append(header()).append("\r\n");
        }
        boolean whole = true;
        if (body.length > 0) {
            head.append("Content-Type: ").append(type()).append("\r\n");
            switch (random.nextInt(20)) {
                case 0, 1 -> {
                    head.append("Transfer-Encoding: chunked\r\n");
                    body = chunked(body);
                }
                case 2 -> {
                    head.append("Transfer-Encoding: ").append(one("gzip", "chunked, gzip", "identity", "chunked\r\nTransfer-Encoding: chunked", "\u000bchunked"))
                            .append("\r\n");
                    whole = false;
                }
                case 3 -> {
                    head.append("Content-Length: ").append(one("-1", "1e3", "", "5, 5", "99999999999999999999", String.valueOf(body.length + 7), "1"))
                            .append("\r\n");
                    whole = false;
                }
                default -> head.append("Content-Length: ").append(body.length).append("\r\n");
            }
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(head.append("\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
        bytes.write(body);
        return new Request(bytes.toByteArray(), method.equals("HEAD"), version.matches(" HTTP/[12].*"), whole);
    }

    private String target() {
        String path = random.nextInt(3) > 0 ? "/api/analyses" : one("/api/analyses/" + one("1", "null", "%00", "00000000-0000-7000-8000-000000000000", "-", "a".repeat(3000)),
                "/api/openapi", "/api/", "/api", "/", "/page/analyses", "/page/sign-in", "/healthz", "/error", "/api/error", "/api/../livez", "/api/..;/readyz", "/api/%2e%2e/actuator", "/api//analyses",
                "/api/analyses/", "/api/" + mostly("x", "%", "%c0%ae", "\\..\\x", junk(40), "a".repeat(9000)), mostly("/api/analyses", "*", "//", "example.test:443"),
                "http://example.test/api/analyses", "/api/analyses;a=b");
        if (random.nextBoolean()) {
            return path;
        }
        StringBuilder query = new StringBuilder("?");
        for (int i = random.nextInt(4); i >= 0; i--) {
            query.append(one("page", "size", "sort", "status", "cursor", "", "%", "page%00", "a[0]", mostly("x", junk(5))))
                    .append(one("=", "=", "=", "", "=="))
                    .append(one("1", "0", "-1", "1e9", "99999999999", "%", "%00", "%zz", "QUEUED", "queued", "name,desc", "name;drop", "createdAt", "", "%F0%9F%98%80", mostly("a", junk(20)), "x".repeat(2000)))
                    .append(one("&", "&", ";", "?"));
        }
        return path + query;
    }

    private String header() {
        return one("Accept: " + one("*/*", "text/html", "application/xml;q=0.1", "*", "a/b/c", "application/json;q=nan", ""),
                "Accept-Encoding: " + one("gzip", "br", "*;q=0", "gzip;q=1e9"), "Accept-Language: " + junk(30), "Accept-Charset: none",
                "Idempotency-Key: " + one("a", "", "k".repeat(300), junk(20)), "X-Request-ID: " + one("fine-1", "\"forged\"", junk(20), "a".repeat(65)),
                "If-Match: " + one("*", "\"a\"", "W/"), "If-None-Match: *", "If-Modified-Since: " + one("yesterday", "Sat, 28 Nov 2026 00:00:00 GMT"),
                "If-Unmodified-Since: Sat, 28 Nov 2020 00:00:00 GMT", "Range: " + one("bytes=0-0", "bytes=9-1", "lines=1"), "Expect: " + one("100-continue", "the-worst"),
                "Content-Encoding: " + one("gzip", "br", "none"), "Cookie: " + junk(60), "X-Forwarded-For: " + one("1.2.3.4", "::1, junk", junk(9)),
                "X-Forwarded-Proto: gopher", "X-HTTP-Method-Override: DELETE", "Upgrade: h2c", "Origin: " + one("null", "http://evil.test"),
                "Access-Control-Request-Method: PUT", "Authorization: Basic " + junk(10), "User-Agent: " + junk(500), mostly("A: b", junk(10) + ": " + junk(10), junk(10), " folded"),
                "Under_score: 1", "X: " + "x".repeat(one(8, 7000, 7000, 9000)), "Referer: " + junk(90), "TE: trailers", "Trailer: X");
    }

    private String type() {
        return random.nextInt(3) > 0 ? "application/json" : one("application/json; charset=utf-16", "application/x-www-form-urlencoded",
                "multipart/form-data", "multipart/form-data; boundary=b", "*/*", "text/plain", "application/yaml", "application/xml", "application/octet-stream", "json", "",
                "application/json;charset=none", "application/json/json", junk(12));
    }

    private byte[] body() throws IOException {
        String valid = "{\"name\": \"fuzz\", \"values\": [1.5, 2, 3e2]}";
        String text = random.nextInt(3) == 0 ? valid : one("{\"name\": " + one("5", "null", "\"\"", "[]", "\"" + "n".repeat(2000) + "\"", "\"\\u0000\"", "\"\\ud800\"") + ", \"values\": [1]}",
                "{\"name\": \"fuzz\", \"values\": " + one("[]", "\"QAAAAAAAAAA=\"", "[\"1.5\"]", "[null]", "[NaN]", "[1e999]", "[" + "9".repeat(2000) + "]", "{}", "5", "[[1]]",
                        "[" + "1,".repeat(6000) + "1]") + "}",
                "{\"name\": \"fuzz\", \"values\": [1], \"name\": \"twice\"}", "{\"name\": \"fuzz\", \"values\": [1], \"other\": 1}", "[".repeat(3000), "{\"a\":".repeat(2000), "null", "\"a\"",
                "[]", "{", "}", "", "%", "a=%&b=%zz", "name=fuzz&values=1", "--b\r\nContent-Disposition: form-data; name=\"" + junk(9) + "\"\r\n\r\n1\r\n--b--\r\n",
                "name: fuzz\nvalues: [1]\n", "<a/>", "\u0000".repeat(one(1, 3000)), "%00".repeat(2000), junk(200), junk(5000));
        byte[] bytes = text.getBytes(random.nextInt(8) == 0 ? StandardCharsets.UTF_16 : StandardCharsets.ISO_8859_1);
        if (random.nextInt(4) == 0 && bytes.length > 0) { // One bit of it is another.
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        if (random.nextInt(12) == 0) {
            ByteArrayOutputStream zipped = new ByteArrayOutputStream();
            try (GZIPOutputStream gzip = new GZIPOutputStream(zipped)) {
                gzip.write(bytes);
            }
            return zipped.toByteArray();
        }
        return bytes;
    }

    private byte[] chunked(byte[] body) throws IOException {
        ByteArrayOutputStream chunks = new ByteArrayOutputStream();
        int half = body.length / 2;
        for (int[] part : new int[][] {{0, half}, {half, body.length - half}}) {
            if (part[1] > 0) {
                chunks.write((Integer.toHexString(part[1]) + "\r\n").getBytes(StandardCharsets.US_ASCII));
                chunks.write(body, part[0], part[1]);
                chunks.write("\r\n".getBytes(StandardCharsets.US_ASCII));
            }
        }
        chunks.write("0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
        return chunks.toByteArray();
    }

    /** Any characters of one byte, now and then controls too, but those that end a line. */
    private String junk(int length) {
        StringBuilder junk = new StringBuilder();
        int lowest = mostly(32, 1, 0);
        for (int i = random.nextInt(length) + 1; i > 0; i--) {
            char character = (char) random.nextInt(lowest, 256);
            junk.append(character == '\r' || character == '\n' ? '?' : character);
        }
        return junk.toString();
    }

    /** The first, but for a tenth of the time. */
    @SafeVarargs
    private <T> T mostly(T first, T... others) {
        return random.nextInt(10) > 0 ? first : one(others);
    }

    @SafeVarargs
    private <T> T one(T... of) {
        return of[random.nextInt(of.length)];
    }
}
