package dev.slipway.analysis.mixnode.client;

import dev.slipway.analysis.mixnode.packet.Keys;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes the nodes' keys. */
@Command(
        name = "keys",
        mixinStandardHelpOptions = true,
        description = "Makes the nodes' key pairs that are missing in a folder, and overwrites none.")
public final class KeysCommand implements Callable<Integer> {

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "The folder, made if it is not there.")
    private Path out;

    @Override
    public Integer call() {
        try {
            List<Path> made = Keys.writeMissing(out);
            made.forEach(file -> System.out.println("made " + file));
            if (made.isEmpty()) {
                System.out.println("nothing to make: " + out + " has every key");
            }
            return 0;
        } catch (IOException e) {
            System.err.println("mixnode: " + out + " cannot be written to: see its owner and mode (" + e + ").");
        } catch (Keys.KeyFileException e) {
            System.err.println("mixnode: " + e.getMessage());
        }
        return 1;
    }
}
