package dev.slipway.analysis.mixnode.client;

import dev.slipway.analysis.mixnode.packet.Hop;
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
        description = "Makes the nodes' key pairs that are missing in a folder, and overwrites none; or changes one node's.")
public final class KeysCommand implements Callable<Integer> {

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "The folder, made if it is not there.")
    private Path out;

    @Option(names = "--renew", paramLabel = "NODE", description = "Makes a new key for entry, middle or exit, which opens packets for the one before, too.")
    private Hop renew;

    @Option(names = "--retire", paramLabel = "NODE", description = "Takes the key before away from entry, middle or exit.")
    private Hop retire;

    @Override
    public Integer call() {
        try {
            if (renew != null) {
                Keys.renew(out, renew);
                System.out.println("renewed " + Keys.privateFile(out, renew));
            }
            if (retire != null) {
                Keys.retire(out, retire);
                System.out.println("retired the key before in " + Keys.privateFile(out, retire));
            }
            if (renew != null || retire != null) {
                return 0;
            }
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
