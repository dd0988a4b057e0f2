package dev.slipway.analysis.analyses;

import dev.slipway.analysis.access.Quota;
import dev.slipway.analysis.access.Quota.QuotaExceededException;
import dev.slipway.analysis.worker.QueueLimit;
import dev.slipway.analysis.worker.QueueLimit.QueueFullException;
import jakarta.persistence.EntityManager;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Profile;
import org.springframework.dao.DataIntegrityViolationException;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Service;
import org.springframework.transaction.PlatformTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;
import org.springframework.web.ErrorResponseException;

/** Takes submissions in, each once. */
@Service
@Profile("web")
class Submissions {

    private final EntityManager entityManager;
    private final AnalysisRepository analyses;
    private final TransactionTemplate transaction;
    private final QueueLimit limit;
    private final Quota quota;

    /** An {@code Idempotency-Key} came a second time, with another body. */
    static class IdempotencyKeyReusedException extends ErrorResponseException {

        IdempotencyKeyReusedException() {
            super(HttpStatus.UNPROCESSABLE_CONTENT);
            setType(URI.create("urn:problem-type:idempotency-key-reused"));
            setTitle("The idempotency key was used before");
            setDetail("This Idempotency-Key came with another body before: send that body again, or use a new key.");
        }
    }

    Submissions(
            EntityManager entityManager, AnalysisRepository analyses, PlatformTransactionManager transactions, QueueLimit limit, Quota quota) {
        this.entityManager = entityManager;
        this.analyses = analyses;
        this.transaction = new TransactionTemplate(transactions);
        this.limit = limit;
        this.quota = quota;
    }

    /**
     * Stores an analysis and its values in one transaction, as {@link Analysis.Status#QUEUED}.
     *
     * @param owner who submits it
     * @param idempotencyKey if this key of the owner's was seen before, its first submission is given back and nothing is stored
     * @throws IdempotencyKeyReusedException if the key came before with another name or other values
     * @throws QueueFullException if it is new and no more may wait
     * @throws QuotaExceededException if it is new and the owner keeps as much as it may
     */
    Analysis submit(String owner, String name, double[] values, @Nullable String idempotencyKey) {
        byte[] doubles = AnalysisValues.toBytes(values);
        if (idempotencyKey == null) {
            return store(new Analysis(owner, name, doubles.length, null, null), doubles);
        }
        byte[] contentHash = sha256(name, doubles);
        try {
            // The unique key decides a race of equal submissions; looking first would not, and would cost a read.
            return store(new Analysis(owner, name, doubles.length, idempotencyKey, contentHash), doubles);
        } catch (DataIntegrityViolationException | QueueFullException | QuotaExceededException notStored) {
            Optional<Analysis> first = analyses.findByOwnerAndIdempotencyKey(owner, idempotencyKey);
            if (first.isEmpty()) {
                return store(new Analysis(owner, name, doubles.length, idempotencyKey, contentHash), doubles);
            }
            if (!Arrays.equals(first.get().contentHash, contentHash)) {
                throw new IdempotencyKeyReusedException();
            }
            return first.get();
        }
    }

    private Analysis store(Analysis analysis, byte[] doubles) {
        quota.admit(analysis.owner, analysis.inputSize);
        limit.admit(doubles.length, () -> transaction.executeWithoutResult(status -> {
            entityManager.persist(analysis);
            entityManager.persist(new AnalysisValues(analysis, doubles));
        }));
        return analysis;
    }

    private static byte[] sha256(String name, byte[] doubles) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(name.getBytes(StandardCharsets.UTF_8));
            digest.update((byte) 0);
            return digest.digest(doubles);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // Every Java platform has SHA-256.
        }
    }
}
