package dev.slipway.analysis.analyses;

import dev.slipway.analysis.analyses.Analysis.Result;
import dev.slipway.analysis.analyses.Analysis.Status;
import dev.slipway.analysis.analyses.AnalysisController.AnalysisResponse;
import dev.slipway.analysis.analyses.AnalysisQueries.Listed;
import dev.slipway.analysis.analyses.Submissions.IdempotencyKeyReusedException;
import dev.slipway.analysis.page.Pages;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.net.URI;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpStatus;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.security.core.Authentication;
import org.springframework.stereotype.Controller;
import org.springframework.ui.Model;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;

/** The pages of the analyses: what the API does, for a person. */
@Controller
@Profile("web")
@RequestMapping(AnalysisPages.PATH)
class AnalysisPages {

    static final String PATH = "/page/analyses";

    private static final String TEMPLATE = "analyses";
    private static final int ROWS = 20;

    private final AnalysisController api;
    private final Submissions submissions;
    private final AnalysisQueries analyses;

    /** A value that is drawn, from left to right. */
    record Mark(String name, long percent) {}

    AnalysisPages(AnalysisController api, Submissions submissions, AnalysisQueries analyses) {
        this.api = api;
        this.submissions = submissions;
        this.analyses = analyses;
    }

    @Bean
    static Pages.Entry analysesEntry() {
        return new Pages.Entry("Analyses", PATH, "analyses:read");
    }

    @Bean
    static Pages.State analysesState(AnalysisQueries analyses) {
        return () -> {
            Map<String, Object> numbers = new LinkedHashMap<>();
            analyses.countByStatus().forEach((status, number) -> numbers.put(word(status), number));
            return numbers;
        };
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:read')")
    @GetMapping
    String list(@RequestParam(required = false) String before, HttpServletRequest request, Authentication who, Model model) {
        fill(model, before, who);
        return Pages.isPolling(request) ? TEMPLATE + " :: list" : Pages.show(model, "Analyses", TEMPLATE, "all");
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:read')")
    @GetMapping("/{id}")
    String one(@PathVariable UUID id, HttpServletRequest request, Authentication who, Model model) {
        AnalysisResponse analysis = analyses.get(id, AnalysisController.ownerOf(who));
        model.addAttribute("analysis", analysis);
        model.addAttribute("here", PATH + "/" + id);
        model.addAttribute("busy", isBusy(analysis));
        model.addAttribute("mayDelete", Pages.may("analyses:delete"));
        if (analysis.result() != null) {
            draw(model, analysis.result());
        }
        return Pages.isPolling(request) ? TEMPLATE + " :: one" : Pages.show(model, "Analysis", TEMPLATE, "one");
    }

    /** @param key made with the form, so that one that is sent twice is one analysis */
    @PreAuthorize("hasAuthority('SCOPE_analyses:write')")
    @PostMapping
    String submit(
            @RequestParam(defaultValue = "") String name, @RequestParam(defaultValue = "") String values,
            @RequestParam(defaultValue = "") String file, @RequestParam(defaultValue = "") String key,
            HttpServletRequest request, HttpServletResponse response, Authentication who, Model model) {
        try {
            submit(name, values, file, key, who);
            return "redirect:" + PATH;
        } catch (ErrorResponseException e) {
            if (Pages.isPart(request) || !Pages.may("analyses:read")) {
                throw e;
            }
            response.setStatus(e.getStatusCode().value());
            e.getBody().setProperty("requestId", response.getHeader("X-Request-ID"));
            fill(model, null, who);
            model.addAttribute("key", key).addAttribute("name", name).addAttribute("values", values).addAttribute("problem", e.getBody());
            return Pages.show(model, "Analyses", TEMPLATE, "all");
        }
    }

    private void submit(String name, String values, String file, String key, Authentication who) {
        if (name.isBlank() || name.length() > 200) {
            throw refused("The name is missing, or longer than 200 characters: give one.");
        }
        if (!values.isBlank() && !file.isBlank()) {
            throw refused("There are values and a file: send one of them.");
        }
        if (!key.matches("[0-9a-f-]{36}")) {
            throw refused("The form is not this page's: reload it and send it again.");
        }
        try {
            submissions.submit(who.getName(), name, Numbers.of(values.isBlank() ? file : values), key);
        } catch (IllegalArgumentException e) {
            throw refused(e.getMessage());
        } catch (IdempotencyKeyReusedException e) {
            throw refused("This form was sent before, with something else in it: reload the page and send this again.");
        }
    }

    private static ErrorResponseException refused(String detail) {
        ErrorResponseException refused = new ErrorResponseException(HttpStatus.BAD_REQUEST);
        refused.setType(URI.create("urn:problem-type:unfit-submission"));
        refused.setTitle("This cannot be submitted");
        refused.setDetail(detail);
        return refused;
    }

    @PreAuthorize("hasAuthority('SCOPE_analyses:delete')")
    @DeleteMapping("/{id}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void delete(@PathVariable UUID id, Authentication who) {
        api.delete(id, who);
    }

    private void fill(Model model, @Nullable String before, Authentication who) {
        Listed newest = Listed.newest(AnalysisController.ownerOf(who));
        List<AnalysisResponse> found = analyses.page(newest, before, ROWS + 1); // One tells whether there are more.
        List<AnalysisResponse> rows = found.subList(0, Math.min(ROWS, found.size()));
        model.addAttribute("analyses", rows);
        model.addAttribute("before", before);
        model.addAttribute("older", found.size() > ROWS ? newest.cursor(rows.get(ROWS - 1)) : null);
        model.addAttribute("here", before == null ? PATH : PATH + "?before=" + before);
        model.addAttribute("busy", rows.stream().anyMatch(AnalysisPages::isBusy));
        model.addAttribute("key", UUID.randomUUID().toString());
        model.addAttribute("mayWrite", Pages.may("analyses:write"));
        model.addAttribute("mayDelete", Pages.may("analyses:delete"));
    }

    private static boolean isBusy(AnalysisResponse analysis) {
        return analysis.status() == Status.QUEUED || analysis.status() == Status.RUNNING;
    }

    private static String word(Status status) {
        return status.name().charAt(0) + status.name().substring(1).toLowerCase();
    }

    private static void draw(Model model, Result result) {
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("Count", result.count());
        figures.put("Mean", result.mean());
        figures.put("Standard deviation", result.standardDeviation());
        Map<String, Double> drawn = new LinkedHashMap<>();
        drawn.put("Minimum", result.min());
        drawn.put("Median", result.p50());
        drawn.put("95 %", result.p95());
        drawn.put("99 %", result.p99());
        drawn.put("Maximum", result.max());
        figures.putAll(drawn);
        model.addAttribute("figures", figures);
        model.addAttribute("described", drawn.entrySet().stream()
                .map(mark -> mark.getKey() + " " + mark.getValue()).collect(Collectors.joining(", ")));
        double half = result.max() / 2 - result.min() / 2; // All of it may be beyond a double.
        model.addAttribute("marks", drawn.entrySet().stream()
                .map(mark -> new Mark(mark.getKey(), half == 0 ? 0 : Math.round(100 * (mark.getValue() / 2 - result.min() / 2) / half)))
                .toList());
    }

    /** Reads what a person types, or a file that is a list of numbers. */
    static final class Numbers {

        private static final Pattern WORD = Pattern.compile("[^,;\\s]+");
        private static final Pattern NUMBER = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
        private static final Pattern COMMA_WITHIN = Pattern.compile("\\d,\\d");
        private static final Pattern OTHER_SEPARATOR = Pattern.compile("[;\\t]|\\d +[+-]?\\d");
        private static final Pattern WITH_COMMA = Pattern.compile("[+-]?\\d+,\\d+");

        private Numbers() {}

        /** @throws IllegalArgumentException if these are not between one number and as many as one analysis takes; says how to mend it */
        static double[] of(String given) {
            String text = given.startsWith("\uFEFF") ? given.substring(1) : given;
            if (COMMA_WITHIN.matcher(text).find() && (OTHER_SEPARATOR.matcher(text).find() || isColumnWithCommas(text))) {
                throw new IllegalArgumentException("A comma stands where a decimal point may be meant: write 1.5 and not 1,5,"
                        + " or a blank after each comma that separates.");
            }
            double[] numbers = new double[256];
            int count = 0;
            Matcher words = WORD.matcher(text);
            while (words.find()) {
                double number = number(words.group(), count == 0, text, words.start());
                if (count == AnalysisHandler.MOST_VALUES) {
                    throw new IllegalArgumentException("There are more than %d numbers: send fewer at once.".formatted(AnalysisHandler.MOST_VALUES));
                }
                if (count == numbers.length) {
                    numbers = Arrays.copyOf(numbers, 2 * count);
                }
                numbers[count++] = number;
            }
            if (count == 0) {
                throw new IllegalArgumentException("There are no numbers: type some, or choose a file that has some.");
            }
            return Arrays.copyOf(numbers, count);
        }

        private static boolean isColumnWithCommas(String text) {
            return text.strip().lines().count() > 1
                    && text.lines().filter(line -> !line.isBlank()).allMatch(line -> WITH_COMMA.matcher(line.strip()).matches());
        }

        private static double number(String word, boolean first, String text, int start) {
            double number = NUMBER.matcher(word).matches() ? Double.parseDouble(word) : Double.NaN;
            if (Double.isFinite(number)) {
                return number;
            }
            String shown = word.length() <= 30 ? word : word.substring(0, 30) + "...";
            if (first) {
                throw new IllegalArgumentException("The first line has \"%s\", which is no number: leave a header out.".formatted(shown));
            }
            throw new IllegalArgumentException("Line %d has \"%s\", which is no number, or is beyond the range of one: write it as 1.5 or -2e3."
                    .formatted(text.substring(0, start).chars().filter(c -> c == '\n').count() + 1, shown));
        }
    }
}
