package dev.slipway.analysis.mixnode;

import dev.slipway.analysis.mixnode.client.KeysCommand;
import dev.slipway.analysis.mixnode.client.SendCommand;
import java.security.Security;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** A node of the mixnet; with a command as the first argument, what its sender and its operator need. */
@SpringBootApplication
@ConfigurationPropertiesScan
@Command(
        name = "mixnode.jar",
        synopsisSubcommandLabel = "[COMMAND]",
        description = "Without a command, a node of the mixnet, set up by NODE_TYPE and other variables.",
        subcommands = {SendCommand.class, KeysCommand.class})
public class Mixnode {

    public static void main(String[] args) {
        // Asked again after 2 s, for a container that was replaced may have another address.
        Security.setProperty("networkaddress.cache.ttl", "2");
        Security.setProperty("networkaddress.cache.negative.ttl", "1");
        if (args.length == 0 || args[0].contains("=")) {
            SpringApplication.run(Mixnode.class, args);
        } else {
            System.exit(new CommandLine(new Mixnode()).setCaseInsensitiveEnumValuesAllowed(true).execute(args));
        }
    }
}
