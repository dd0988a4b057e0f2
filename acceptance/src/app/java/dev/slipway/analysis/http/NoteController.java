package dev.slipway.analysis.http;

import io.swagger.v3.oas.annotations.responses.ApiResponse;
import jakarta.persistence.EntityManager;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import java.net.URI;
import java.util.List;
import java.util.UUID;
import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import org.springframework.security.access.prepost.PreAuthorize;
import org.springframework.transaction.annotation.Transactional;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

/** An API of the tests' own, in the profile {@code notes}: one of each kind of parameter, and exceptions with a problem of their own. */
@RestController("testNoteController")
@Profile("notes & web")
@PreAuthorize("isAuthenticated()")
@RequestMapping(path = "/api/test-notes", produces = MediaType.APPLICATION_JSON_VALUE)
class NoteController {

    private final EntityManager notes;

    NoteController(EntityManager notes) {
        this.notes = notes;
    }

    enum Colour { RED, BLUE }

    record NewNote(@NotBlank @Size(max = 200) String name, @NotNull @Size(min = 1, max = 100_000) double[] values) {}

    @PostMapping(consumes = MediaType.APPLICATION_JSON_VALUE)
    @ResponseStatus(HttpStatus.CREATED)
    @ApiResponse(responseCode = "201", useReturnTypeSchema = true)
    @ApiResponse(responseCode = "409", description = "There is such a note")
    @Transactional
    public Note create(
            @Valid @RequestBody NewNote note,
            @RequestHeader(name = "Idempotency-Key", required = false) @Size(max = 255) @Pattern(regexp = "[!-~]*") String key) {
        if (note.name().equals("taken")) {
            throw new TakenException();
        }
        Note created = new Note(note.name());
        notes.persist(created);
        return created;
    }

    @GetMapping
    @Transactional(readOnly = true)
    public List<Note> list(
            @RequestParam(required = false) Colour colour,
            @RequestParam(defaultValue = "0") @Min(0) @Max(1000) int page,
            @RequestParam(defaultValue = "name") @Pattern(regexp = "name|id", message = "must be name or id") String sort) {
        return notes.createQuery("from TestNote order by " + sort, Note.class).setFirstResult(page * 20).setMaxResults(20).getResultList();
    }

    @GetMapping("/{id}")
    @Transactional(readOnly = true)
    public Note get(@PathVariable UUID id) {
        Note note = notes.find(Note.class, id);
        if (note == null) {
            throw new UnknownException(id);
        }
        return note;
    }

    @DeleteMapping("/{id}")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    @Transactional
    public void delete(@PathVariable UUID id) {
        notes.remove(get(id));
    }

    static class UnknownException extends ErrorResponseException {

        UnknownException(UUID id) {
            super(HttpStatus.NOT_FOUND, ProblemDetail.forStatusAndDetail(HttpStatus.NOT_FOUND, "There is no note " + id + "."), null);
        }
    }

    static class TakenException extends ErrorResponseException {

        TakenException() {
            super(HttpStatus.CONFLICT, ProblemDetail.forStatusAndDetail(HttpStatus.CONFLICT, "Take another name."), null);
            setType(URI.create("urn:problem-type:name-taken"));
            setTitle("There is such a note");
            getHeaders().set(HttpHeaders.RETRY_AFTER, "7");
        }
    }
}
