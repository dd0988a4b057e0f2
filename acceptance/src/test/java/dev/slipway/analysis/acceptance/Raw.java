package dev.slipway.analysis.acceptance;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** HTTP/1 as bytes, for what no client library would send. */
final class Raw {

    private static final Pattern CHUNK = Pattern.compile("([0-9a-fA-F]+)\r\n");

    private static final Pattern LENGTH = Pattern.compile("(?is)^HTTP/1.1 [2-5].*?\r\ncontent-length: (\\d+)\r\n.*?\r\n\r\n");

    /**
     * What came back until the other side closed the connection, the first answer of it if there were several.
     *
     * @param status 0 for an answer without a header, as HTTP/0.9 has it
     * @param headers by their names in lower case
     * @param closed false where the connection was still open after the wait
     */
    record Answer(int status, Map<String, String> headers, String body, boolean closed) {

        boolean isProblem() {
            return "application/problem+json".equals(headers.get("content-type")) && body.startsWith("{");
        }

        /** The page of an error, for a browser; its id is in it. */
        boolean isPage() {
            return "text/html;charset=UTF-8".equals(headers.get("content-type")) && body.contains("<code>" + headers.get("x-request-id") + "</code>");
        }

        String requestId() {
            Matcher id = Pattern.compile("\"requestId\": *\"([^\"]*)\"").matcher(body);
            return id.find() ? id.group(1) : "";
        }
    }

    private Raw() {}

    /** Sends this and reads until the other side closes, or is silent for 15 s. */
    static Answer ask(String host, int port, boolean tls, byte[] request) throws IOException {
        return ask(host, port, tls, request, false);
    }

    /** The same; a client that goes away says after its last byte that no more will come. */
    static Answer ask(String host, int port, boolean tls, byte[] request, boolean goesAway) throws IOException {
        try (Socket socket = connect(host, port, tls)) {
            OutputStream out = socket.getOutputStream();
            try {
                out.write(request);
                out.flush();
                if (goesAway) {
                    socket.shutdownOutput();
                }
            } catch (IOException refusedBeforeItWasRead) {
                // Its answer may be there all the same.
            }
            ByteArrayOutputStream in = new ByteArrayOutputStream();
            boolean closed = read(socket, in);
            return parse(in.toString(StandardCharsets.ISO_8859_1), closed);
        }
    }

    static Answer ask(String host, int port, String request) throws IOException {
        return ask(host, port, false, request.getBytes(StandardCharsets.ISO_8859_1));
    }

    /** A connection that trusts every certificate: what is asked is not who answers. */
    static Socket connect(String host, int port, boolean tls) throws IOException {
        Socket socket = new Socket();
        socket.connect(new InetSocketAddress(host, port), 10_000);
        socket.setSoTimeout(15_000);
        if (!tls) {
            return socket;
        }
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new Trusting()}, null);
            return context.getSocketFactory().createSocket(socket, host, port, true);
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    /** A client that has its answer says that it sends no more: for the rest of what it may send nginx waits 5 s. */
    private static boolean read(Socket socket, ByteArrayOutputStream to) {
        byte[] buffer = new byte[16_384];
        try {
            InputStream from = socket.getInputStream();
            for (int length = from.read(buffer); length >= 0; length = from.read(buffer)) {
                to.write(buffer, 0, length);
                if (!socket.isOutputShutdown() && whole(to.toString(StandardCharsets.ISO_8859_1))) {
                    socket.shutdownOutput();
                }
            }
            return true;
        } catch (SocketTimeoutException silent) {
            return false;
        } catch (IOException reset) {
            return true;
        }
    }

    private static boolean whole(String answer) {
        Matcher length = LENGTH.matcher(answer);
        return answer.endsWith("\r\n0\r\n\r\n") || length.find() && answer.length() - length.end() >= Integer.parseInt(length.group(1));
    }

    private static Answer parse(String text, boolean closed) {
        String answer = text;
        while (answer.startsWith("HTTP/1.1 100")) {
            answer = answer.substring(answer.indexOf("\r\n\r\n") + 4);
        }
        int end = answer.indexOf("\r\n\r\n");
        if (!answer.startsWith("HTTP/1.1 ") || end < 0) {
            return new Answer(0, Map.of(), answer, closed);
        }
        String[] lines = answer.substring(0, end).split("\r\n");
        Map<String, String> headers = new TreeMap<>();
        for (int i = 1; i < lines.length; i++) {
            String[] header = lines[i].split(": *", 2);
            headers.put(header[0].toLowerCase(Locale.ROOT), header.length > 1 ? header[1] : "");
        }
        String body = answer.substring(end + 4);
        if (headers.containsKey("content-length")) {
            body = body.substring(0, Math.min(body.length(), Integer.parseInt(headers.get("content-length"))));
        } else if (headers.containsKey("transfer-encoding")) {
            body = unchunked(body);
        }
        if ("gzip".equals(headers.get("content-encoding")) && !body.isEmpty()) {
            body = gunzipped(body);
        }
        return new Answer(Integer.parseInt(lines[0].substring(9, 12)), headers, body, closed);
    }

    private static String gunzipped(String body) {
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(body.getBytes(StandardCharsets.ISO_8859_1)))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "not gzip, as its header says: " + e;
        }
    }

    private static String unchunked(String body) {
        StringBuilder whole = new StringBuilder();
        Matcher chunk = CHUNK.matcher(body);
        for (int at = 0; chunk.find(at) && chunk.start() == at; ) {
            int length = Integer.parseInt(chunk.group(1), 16);
            int from = Math.min(chunk.end(), body.length());
            int to = Math.min(from + length, body.length());
            whole.append(body, from, to);
            at = Math.min(to + 2, body.length());
            if (length == 0) {
                break;
            }
        }
        return whole.toString();
    }

    private static final class Trusting implements X509TrustManager {

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
