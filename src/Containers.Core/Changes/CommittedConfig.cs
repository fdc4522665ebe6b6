using System.Globalization;
using System.Text.Json.Nodes;
using Containers.Images.Building;

namespace Containers.Changes;

/// <summary>An image's config with one more step in it. What is not understood of it stays as it is.</summary>
internal static class CommittedConfig
{
    /// <param name="json">The config of the image that the container was made of.</param>
    /// <param name="before">What it says about how it is run.</param>
    /// <param name="after">What it is to say.</param>
    /// <param name="diffIds">The new layers; none when nothing was changed.</param>
    /// <param name="createdBy">The container's command.</param>
    /// <param name="options">What else is said.</param>
    public static byte[] Make(byte[] json, ImageConfig before, ImageConfig after, IReadOnlyList<string> diffIds, string createdBy, CommitOptions options)
    {
        JsonObject config = JsonNode.Parse(json)!.AsObject();
        string created = (options.Created ?? DateTimeOffset.UtcNow).ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture);
        config["created"] = created;
        if (options.Author is { } author)
        {
            config["author"] = author;
        }

        JsonObject run = config["config"] as JsonObject ?? [];
        config["config"] = run;
        Change(run, before, after);
        SetIf(config, "architecture", before.Architecture, after.Architecture);
        SetIf(config, "os", before.Os, after.Os);

        foreach (string diffId in diffIds)
        {
            config["rootfs"]!["diff_ids"]!.AsArray().Add((JsonNode)diffId);
        }

        JsonArray history = config["history"] as JsonArray ?? [];
        config["history"] = history;
        for (int i = 0; i < Math.Max(diffIds.Count, 1); i++)
        {
            JsonObject step = new() { ["created"] = created, ["created_by"] = createdBy };
            Add(step, "author", options.Author);
            Add(step, "comment", options.Comment);
            if (diffIds.Count == 0)
            {
                step["empty_layer"] = true;
            }

            history.Add((JsonNode)step);
        }

        // What docker writes about the container that it built by is about another one.
        config.Remove("container");
        config.Remove("container_config");
        return BuiltDocuments.Bytes(config);
    }

    private static void Change(JsonObject run, ImageConfig before, ImageConfig after)
    {
        SetListIf(run, "Entrypoint", before.Entrypoint, after.Entrypoint);
        SetListIf(run, "Cmd", before.Cmd, after.Cmd);
        SetListIf(run, "Env", before.Env, after.Env);
        SetIf(run, "WorkingDir", before.WorkingDir, after.WorkingDir);
        SetIf(run, "User", before.User, after.User);
        SetIf(run, "StopSignal", before.StopSignal, after.StopSignal);
        SetSetIf(run, "ExposedPorts", before.ExposedPorts, after.ExposedPorts);
        SetSetIf(run, "Volumes", before.Volumes, after.Volumes);
        if (!before.Labels.OrderBy(label => label.Key, StringComparer.Ordinal).SequenceEqual(after.Labels.OrderBy(label => label.Key, StringComparer.Ordinal)))
        {
            JsonObject labels = [];
            foreach ((string name, string value) in after.Labels.OrderBy(label => label.Key, StringComparer.Ordinal))
            {
                labels[name] = value;
            }

            run["Labels"] = labels;
        }
    }

    private static void SetIf(JsonObject json, string name, string before, string after)
    {
        if (before != after)
        {
            json[name] = after;
        }
    }

    private static void SetListIf(JsonObject json, string name, IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        if (!before.SequenceEqual(after))
        {
            json[name] = new JsonArray([.. after.Select(text => (JsonNode)text)]);
        }
    }

    // Go's sets: objects of empty objects.
    private static void SetSetIf(JsonObject json, string name, IReadOnlyList<string> before, IReadOnlyList<string> after)
    {
        if (!before.Order(StringComparer.Ordinal).SequenceEqual(after.Order(StringComparer.Ordinal)))
        {
            JsonObject set = [];
            foreach (string member in after.Order(StringComparer.Ordinal))
            {
                set[member] = new JsonObject();
            }

            json[name] = set;
        }
    }

    private static void Add(JsonObject json, string name, string? value)
    {
        if (value is not null)
        {
            json[name] = value;
        }
    }
}
