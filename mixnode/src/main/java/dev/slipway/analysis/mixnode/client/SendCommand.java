package dev.slipway.analysis.mixnode.client;

import dev.slipway.analysis.mixnode.packet.Keys;
import dev.slipway.analysis.mixnode.packet.Sealer;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MappingIterator;
import tools.jackson.databind.json.JsonMapper;

/** Sends submissions through the mixnet. */
@Command(
        name = "send",
        mixinStandardHelpOptions = true,
        description = "Wraps each submission once for every node and sends it; says at the end what became of them.")
public final class SendCommand implements Callable<Integer> {

    private static final JsonMapper JSON = new JsonMapper();

    @Option(names = "--entry", required = true, paramLabel = "URL", description = "The entry node, as http://HOST:PORT.")
    private URI entry;

    @Option(names = "--keys", required = true, paramLabel = "DIR", description = "The folder of the nodes' public keys.")
    private Path keys;

    @Option(
            names = "--in-flight",
            defaultValue = "1000",
            paramLabel = "N",
            description = "How many may be under way at once (default: ${DEFAULT-VALUE}). Few of them mix with few.")
    private int inFlight;

    @Option(
            names = "--give-up-after",
            defaultValue = "PT5M",
            paramLabel = "TIME",
            description = "How long a submission is sent again (default: ${DEFAULT-VALUE}).")
    private Duration giveUpAfter;

    @Parameters(
            arity = "1..*",
            paramLabel = "FILE",
            description = "A JSON object that the service takes, or several one after the other; or a folder of such files.")
    private List<Path> files;

    @Override
    public Integer call() throws InterruptedException {
        try {
            if (entry.getHost() == null || entry.getPort() > 65_535 || !List.of("http", "https").contains(entry.getScheme())) {
                throw new UnusableException("--entry is \"" + entry + "\": it must be http://HOST:PORT.");
            }
            if (inFlight < 1) {
                throw new UnusableException("--in-flight is " + inFlight + ": it must be 1 or more.");
            }
            if (giveUpAfter.isNegative() || giveUpAfter.isZero()) {
                throw new UnusableException("--give-up-after is " + giveUpAfter + ": it must be more than nothing, as PT5M is.");
            }
            Sealer sealer = new Sealer(Keys.readPublic(keys));
            Sending sending = new Sending(entry.resolve("/packets"), sealer, inFlight, giveUpAfter);
            List<Sending.Submission> submissions = submissions();
            if (submissions.isEmpty()) {
                throw new UnusableException("There is no submission to send: name files, or folders that have .json or .jsonl files.");
            }
            return sending.send(submissions) ? 0 : 1;
        } catch (UnusableException | Keys.KeyFileException | IllegalArgumentException e) {
            System.err.println("mixnode: " + e.getMessage());
            return 1;
        }
    }

    private List<Sending.Submission> submissions() throws UnusableException {
        List<Sending.Submission> submissions = new ArrayList<>();
        for (Path file : files) {
            for (Path one : expanded(file)) {
                try (InputStream in = Files.newInputStream(one);
                        MappingIterator<JsonNode> nodes = JSON.readerFor(JsonNode.class).readValues(in)) {
                    for (int number = 1; nodes.hasNext(); number++) {
                        submissions.add(new Sending.Submission(one + ", object " + number, JSON.writeValueAsBytes(nodes.next())));
                    }
                } catch (IOException e) {
                    throw new UnusableException(one + " cannot be read: see its name, owner and mode (" + e + ").");
                } catch (JacksonException e) {
                    throw new UnusableException(one + " is not JSON: see line " + e.getLocation().getLineNr() + ".");
                }
            }
        }
        return submissions;
    }

    private static List<Path> expanded(Path file) throws UnusableException {
        if (!Files.isDirectory(file)) {
            return List.of(file);
        }
        try (Stream<Path> inside = Files.list(file)) {
            return inside.filter(one -> one.toString().toLowerCase(Locale.ROOT).matches(".*\\.jsonl?")).sorted().toList();
        } catch (IOException e) {
            throw new UnusableException(file + " cannot be read: see its owner and mode (" + e + ").");
        }
    }

    private static final class UnusableException extends Exception {

        UnusableException(String message) {
            super(message);
        }
    }
}
