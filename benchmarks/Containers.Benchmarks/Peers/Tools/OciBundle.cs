using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Containers.Benchmarks.Peers.Tools;

/// <summary>A bundle for runc and crun: what they propose themselves, with the command, the root and the six namespaces of the others.</summary>
internal static class OciBundle
{
    public static string Write(string folder, string runtime, string root, params string[] command)
    {
        Directory.CreateDirectory(folder);
        if (!Execute(new ProcessStartInfo(runtime, ["spec"]) { WorkingDirectory = folder }))
        {
            throw new ContenderException($"{runtime} spec fails");
        }

        string file = Path.Combine(folder, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(file))!;
        JsonObject process = config["process"]!.AsObject();
        process["args"] = new JsonArray([.. (command.Length > 0 ? command : ["/bin/true"]).Select(argument => JsonValue.Create(argument))]);
        process["terminal"] = false;
        process.Remove("rlimits"); // raising a limit may be forbidden here
        config["root"] = new JsonObject { ["path"] = root, ["readonly"] = false };
        JsonArray namespaces = config["linux"]!["namespaces"]!.AsArray();
        if (!namespaces.Any(one => one!["type"]!.GetValue<string>() == "cgroup"))
        {
            namespaces.Add(new JsonObject { ["type"] = "cgroup" });
        }

        File.WriteAllText(file, config.ToJsonString());
        return folder;
    }

    /// <summary>What a run that was interrupted left: its state, its cgroups. Nothing, usually, and then it fails.</summary>
    public static void Delete(string runtime, string id)
        => Execute(new ProcessStartInfo(runtime, ["delete", "--force", id]));

    private static bool Execute(ProcessStartInfo start)
    {
        start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
