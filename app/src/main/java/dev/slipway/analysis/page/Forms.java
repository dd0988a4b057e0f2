package dev.slipway.analysis.page;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Collections;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpInputMessage;
import org.springframework.http.HttpMethod;
import org.springframework.http.MediaType;
import org.springframework.http.converter.FormHttpMessageConverter;
import org.springframework.security.core.context.SecurityContextHolder;
import org.springframework.web.filter.OncePerRequestFilter;

/** Reads the forms of pages, where for all else, the API, Tomcat takes none; a stranger's is short. */
class Forms extends OncePerRequestFilter {

    private static final int LONGEST = 4 << 20; // As nginx's client_max_body_size.
    private static final int LONGEST_OF_STRANGER = 16 << 10;

    private final FormHttpMessageConverter converter = new FormHttpMessageConverter();

    @Override
    protected void doFilterInternal(HttpServletRequest request, HttpServletResponse response, FilterChain chain)
            throws ServletException, IOException {
        if (!HttpMethod.POST.matches(request.getMethod()) || !isForm(request.getContentType())) {
            chain.doFilter(request, response);
            return;
        }
        int longest = SecurityContextHolder.getContext().getAuthentication() == null ? LONGEST_OF_STRANGER : LONGEST;
        byte[] body = request.getInputStream().readNBytes(longest + 1);
        if (body.length > longest) {
            response.sendError(HttpServletResponse.SC_REQUEST_ENTITY_TOO_LARGE);
            return;
        }
        Map<String, String> fields;
        try {
            fields = converter.read(null, message(body)).toSingleValueMap();
        } catch (IllegalArgumentException e) { // A % without its two digits.
            response.sendError(HttpServletResponse.SC_BAD_REQUEST);
            return;
        }
        chain.doFilter(new WithFields(request, fields), response);
    }

    private static boolean isForm(@Nullable String contentType) {
        return contentType != null && MediaType.APPLICATION_FORM_URLENCODED.isCompatibleWith(MediaType.parseMediaType(contentType));
    }

    private static HttpInputMessage message(byte[] body) {
        return new HttpInputMessage() {
            @Override
            public InputStream getBody() {
                return new ByteArrayInputStream(body);
            }

            @Override
            public HttpHeaders getHeaders() {
                return HttpHeaders.EMPTY;
            }
        };
    }

    /** The form's fields; of the query nothing. */
    private static class WithFields extends HttpServletRequestWrapper {

        private final Map<String, String[]> fields = new HashMap<>();

        WithFields(HttpServletRequest request, Map<String, String> fields) {
            super(request);
            fields.forEach((name, value) -> this.fields.put(name, new String[] {value == null ? "" : value}));
        }

        @Override
        public @Nullable String getParameter(String name) {
            String[] values = fields.get(name);
            return values == null ? null : values[0];
        }

        @Override
        public String @Nullable [] getParameterValues(String name) {
            return fields.get(name);
        }

        @Override
        public Map<String, String[]> getParameterMap() {
            return Collections.unmodifiableMap(fields);
        }

        @Override
        public Enumeration<String> getParameterNames() {
            return Collections.enumeration(fields.keySet());
        }
    }
}
